/** The installation itself: who we are, who you are, people, keys, health, and what any id stands for. */
import { z } from '@hono/zod-openapi'
import type { IdKind, KeyId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { product } from '../../core/base/product.ts'
import { words } from '../../core/base/words.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { rotateKey } from '../../core/ledger/rotate.ts'
import { leavePerson, setRoles } from '../../core/people/change.ts'
import { findPerson } from '../../core/people/rows.ts'
import { taskTable } from '../../core/task/rows.ts'
import { listPeople } from '../../life/lists/lists.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { makeLink } from '../../life/sign-in/link.ts'
import { findPersonBy, findVisibleApp, kindOf, parseId } from './find.ts'
import { OfPeople, RotateKey, SetRoles } from './inputs.ts'
import { html, page } from './oauth/html.ts'
import { problemTable } from './problems.ts'
import type { Routes } from './route.ts'
import { nameOf, personView } from './show.ts'
import * as views from './views.ts'
import type { ApiWorld } from './world.ts'

export function addSystemRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('anyone GET /v1/installation', views.InstallationView, () =>
    world.describeInstallation(),
  )
  routes.add('anyone GET /v1/keys', views.KeyTableView, async () => world.keyTable())
  routes.add('person POST /v1/keys/rotate', views.KeyTableView, RotateKey, async call => {
    const { use, because, keyId: named } = call.input
    const keyId = (named ?? world.keys.keyId(use)) as KeyId
    const permit = await call.ask('key.rotate', 'key', keyId)
    await rotateKey(world, permit, { keyId, because })
    return world.keyTable()
  })
  routes.add('signed-in GET /v1/me', views.Me, async ({ caller }) => {
    const { kind, validUntil } = caller
    const installation = await world.describeInstallation()
    const csrf = 'csrf' in caller ? caller.csrf : null
    const me = { kind, installation, validUntil, csrf, person: null, identity: null, task: null }
    if (caller.kind === 'person') {
      const person = await findPerson(world.store, caller.personId)
      return { ...me, person: person === undefined ? null : personView(world, person) }
    }
    const identity = world.replica.get(identityTable, caller.identityId)
    const task = world.replica.get(taskTable, caller.taskId)
    return {
      ...me,
      identity: identity ? { ...identity, app: nameOf(world, identity.appId) } : null,
      task: task ? { ...task, shortId: shortId('task', task.id) } : null,
    }
  })
  routes.add('signed-in GET /v1/things/:text', views.ThingView, async call => {
    const text = call.param('text')
    const kind = kindOf(text) ?? 'app'
    if (!shown.includes(kind)) throwUnknown('page for this')
    if (kind !== 'app') {
      const id = await parseId(world.store, kind, text)
      const path = kind === 'thing' ? `/v1/found/${id}` : `/v1/${kind}s/${id}`
      return { type: kind, id, path }
    }
    const { id, slug } = await findVisibleApp(world, call.caller, text)
    return { type: kind, id, path: `/v1/apps/${slug}` }
  })
}

/** Kinds that have a path of their own: `/v1/<kind>s`. */
const shown: readonly IdKind[] = words('app task lease request decision grant finding thing')

export function addPeopleRoutes(routes: Routes, world: ApiWorld): void {
  const personIn = (call: { param(name: string): string }) =>
    findPersonBy(world.store, call.param('person'), 'person')
  routes.add(
    'person GET /v1/people',
    views.listOf(views.PersonView),
    OfPeople,
    async ({ input }) => {
      const { named } = input
      const people =
        named === undefined
          ? await listPeople(world.store, limits.pageRows)
          : [await findPersonBy(world.store, named, 'named')]
      return { items: people.map(person => personView(world, person)) }
    },
  )
  routes.add('person POST /v1/people/:person/leave', views.PersonView, async call => {
    const { id } = await personIn(call)
    const permit = await call.ask('person.leave', 'person', id)
    const left = await leavePerson(world, permit, { personId: id })
    await world.runNow('apps')
    return personView(world, left)
  })
  routes.add('person PUT /v1/people/:person/roles', views.PersonView, SetRoles, async call => {
    const { id } = await personIn(call)
    const permit = await call.ask('person.roles', 'person', id)
    return personView(world, await setRoles(world, permit, { personId: id, ...call.input }))
  })
  routes.add('person POST /v1/people/:person/link', views.LinkView, async call => {
    const { id } = await personIn(call)
    const permit = await call.ask('person.add', 'person', id)
    const { secret, expiresAt } = await makeLink(world, permit, { personId: id })
    return { url: `${world.issuer}/?t=${secret}`, expiresAt }
  })
}

export function addHealthRoutes(routes: Routes, world: ApiWorld): void {
  const look = async () => {
    const checks = await world.checkHealth()
    return { ok: checks.every(check => check.ok), checks }
  }
  const alive = z.object({ ok: z.literal(true) })
  routes.add('anyone GET /healthz', alive, async () => ({ ok: true as const }))
  routes.add('anyone GET /readyz', null, async ({ context }) => {
    // Which check fails is for those who sign in.
    const { ok } = await look()
    return context.json({ ok }, ok ? 200 : 503)
  })
  routes.add('person GET /v1/doctor', views.DoctorView, look)
  routes.add('anyone GET /problems/:code', null, async call => {
    const code = call.param('code')
    if (!Object.hasOwn(problemTable, code)) throwUnknown('problem')
    const { title, status, exit } = problemTable[code as keyof typeof problemTable]
    const said = html`<p><code>${code}</code> · HTTP ${status} · exit code ${exit}</p>
<p>${product.name} answers with this problem and says in <code>detail</code> what was wrong and in
<code>next</code> what to do.</p>`
    return call.context.html(page(title, said).html)
  })
}
