/** The installation itself: who we are, who you are, people, keys, health, and what any id stands for. */
import { z } from '@hono/zod-openapi'
import { type IdKind, newId, shortId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { problemTable } from '../../core/base/problems.ts'
import { product } from '../../core/base/product.ts'
import { safeText } from '../../core/base/text.ts'
import { identityTable } from '../../core/identity/rows.ts'
import { leavePerson } from '../../core/people/leave.ts'
import { makeLink } from '../../core/people/link.ts'
import { findPerson, listPeople } from '../../core/people/rows.ts'
import { taskTable } from '../../core/task/rows.ts'
import { findPersonBy, findVisibleApp, kindOfId, noSuch, parseId } from './find.ts'
import { permitted } from './permitted.ts'
import type { Routes } from './route.ts'
import { personView } from './show.ts'
import { DoctorView, InstallationView, KeyTableView, Me, PersonView, ThingView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addSystemRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/installation',
      says: 'Who this server is.',
      who: 'anyone',
      answer: InstallationView,
    },
    () => world.describeInstallation(),
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/keys',
      says: 'The key table, signed by the root key.',
      who: 'anyone',
      answer: KeyTableView,
    },
    async () => world.keyTable(),
  )
  routes.add(
    { method: 'get', path: '/v1/me', says: 'Who you are here.', who: 'signed-in', answer: Me },
    async call => {
      const { caller } = call
      const installation = await world.describeInstallation()
      const person =
        caller.kind === 'person' ? await findPerson(world.store, caller.personId) : undefined
      const identity =
        caller.kind === 'identity' ? world.replica.get(identityTable, caller.identityId) : undefined
      const task =
        caller.kind === 'identity' ? world.replica.get(taskTable, caller.taskId) : undefined
      const app =
        identity === undefined ? undefined : await findVisibleApp(world, caller, identity.appId)
      return {
        kind: caller.kind,
        person: person === undefined ? null : personView(world, person),
        identity:
          identity === undefined || app === undefined
            ? null
            : { id: identity.id, spiffeId: identity.spiffeId, app: app.slug, role: identity.role },
        task:
          task === undefined
            ? null
            : {
                id: task.id,
                shortId: shortId('task', task.id),
                purpose: task.purpose,
                endsAt: task.endsAt,
              },
        installation: {
          name: installation.name,
          trustDomain: installation.trustDomain,
          mode: installation.mode,
        },
        validUntil: caller.validUntil,
      }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/things/:text',
      says: 'What an id, a short id or a slug stands for.',
      who: 'signed-in',
      answer: ThingView,
    },
    async call => {
      const text = call.param('text')
      const letters = {
        R: 'request',
        G: 'grant',
        T: 'task',
        L: 'lease',
        D: 'decision',
        F: 'finding',
      } as const
      const short = letters[(/^([RGTLDF])-/.exec(text)?.[1] ?? '') as keyof typeof letters]
      if (short !== undefined) return thingOf(short, await parseId(world.store, short, text))
      const kind = kindOfId(text)
      if (kind !== undefined) return thingOf(kind, text)
      const app = await findVisibleApp(world, call.caller, text)
      return { type: 'app', id: app.id, path: `/v1/apps/${app.slug}` }
    },
  )
  addPeopleRoutes(routes, world)
  addHealthRoutes(routes, world)
}

function thingOf(kind: IdKind, id: string): { type: string; id: string; path: string } {
  const places: Partial<Record<IdKind, string>> = {
    app: 'apps',
    task: 'tasks',
    lease: 'leases',
    request: 'requests',
    decision: 'decisions',
    grant: 'grants',
    finding: 'findings',
  }
  const place = places[kind]
  if (place === undefined) throw noSuch('page for this')
  return { type: kind, id, path: `/v1/${place}/${id}` }
}

function addPeopleRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/v1/people',
      says: 'People of this installation.',
      who: 'person',
      answer: z.object({ items: z.array(PersonView) }),
    },
    async () => ({
      items: (await listPeople(world.store, limits.pageRows)).map(person =>
        personView(world, person),
      ),
    }),
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/people/:person/leave',
      says: 'Says that somebody left: their apps are handed over or paused.',
      who: 'person',
      answer: PersonView,
    },
    async call => {
      const person = await findPersonBy(world.store, call.param('person'), 'person')
      const about = { type: 'person', id: person.id } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'person.leave',
        about,
      })
      const left = await leavePerson(world, permit, { personId: person.id })
      await world.runNow('apps')
      return personView(world, left)
    },
  )
  routes.add(
    {
      method: 'post',
      path: '/v1/people/:person/link',
      says: 'A one-time link that signs somebody in, for 15 minutes.',
      who: 'person',
      answer: z.object({ url: z.string(), expiresAt: z.string() }),
      status: 201,
    },
    async call => {
      const person = await findPersonBy(world.store, call.param('person'), 'person')
      const about = { type: 'person', id: person.id } as const
      const permit = await permitted(world, {
        actor: call.caller.actor,
        action: 'person.add',
        about,
      })
      const { secret, expiresAt } = await makeLink(world, permit, { personId: person.id })
      return { url: `${world.issuer}/?t=${secret}`, expiresAt }
    },
  )
}

function addHealthRoutes(routes: Routes, world: ApiWorld): void {
  routes.add(
    {
      method: 'get',
      path: '/healthz',
      says: 'The process answers.',
      who: 'anyone',
      answer: z.object({ ok: z.literal(true) }),
    },
    async () => ({ ok: true as const }),
  )
  routes.add(
    {
      method: 'get',
      path: '/readyz',
      says: 'The server can decide and issue now.',
      who: 'anyone',
      answer: null,
    },
    async call => {
      const checks = await world.checkHealth()
      const ok = checks.every(check => check.ok)
      // Which check fails is for those who sign in.
      return call.context.json({ ok }, ok ? 200 : 503)
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/v1/doctor',
      says: 'What is well here and what is not, each with its next step.',
      who: 'person',
      answer: DoctorView,
    },
    async () => {
      const checks = await world.checkHealth()
      return { ok: checks.every(check => check.ok), checks: checks.map(check => ({ ...check })) }
    },
  )
  routes.add(
    {
      method: 'get',
      path: '/problems/:code',
      says: 'What a problem means.',
      who: 'anyone',
      answer: null,
    },
    async call => {
      const code = call.param('code')
      if (!Object.hasOwn(problemTable, code)) throw noSuch('problem')
      const row = problemTable[code as keyof typeof problemTable]
      return call.context.html(
        `<!doctype html><html lang="en"><meta charset="utf-8"><title>${code}</title><h1>${row.title}</h1>` +
          `<p><code>${safeText(code)}</code> · HTTP ${row.status} · exit code ${row.exit}</p>` +
          `<p>${product.name} answers with this problem and says in <code>detail</code> what was wrong and in <code>next</code> what to do.</p></html>`,
      )
    },
  )
}
