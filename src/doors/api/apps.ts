/** Apps: make, look at, change, hand over, pause. Ending and its proof are in `ends.ts`. */
import * as events from '../../core/app/events.ts'
import { makeApp, taken } from '../../core/app/make.ts'
import type { AppRow } from '../../core/app/rows.ts'
import { type AppId, newId, type PersonId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { parseSlug } from '../../core/base/text.ts'
import { addSeconds, earliest, type Instant } from '../../core/base/time.ts'
import { setManifest } from '../../core/grant/manifest.ts'
import { dayOf, heldBy } from '../../core/hold/hold.ts'
import { makeIdentities } from '../../core/identity/identities.ts'
import { listIdentities } from '../../core/identity/rows.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'
import { removeTrustRule } from '../../core/identity/trust.ts'
import { throwUnknown } from '../../core/ledger/fact-table.ts'
import { type AppRulesRow, appRulesTable } from '../../life/app-rules/rows.ts'
import { setAppRules } from '../../life/app-rules/set.ts'
import type { AppRulesText } from '../../life/app-rules/text.ts'
import { proposeShare } from '../../life/ask/share.ts'
import * as lists from '../../life/lists/lists.ts'
import { parseLeaseholdYaml } from '../../life/manifest/leasehold-yaml.ts'
import { checkGraduation, proposeGraduation } from '../../life/offboard/graduate.ts'
import { cardsOf } from './cards.ts'
import type { AppDetail as AppDetailView } from './contract.ts'
import { lastDenial } from './decisions.ts'
import { appIn, findPersonBy, seenApps } from './find.ts'
import * as inputs from './inputs.ts'
import { peopleWith, raise } from './requests.ts'
import type { Routes } from './route.ts'
import { appView, grantView, leaseView, peopleOf, readNames } from './show.ts'
import { AppDetail, AppRulesView, AppView, GraduationView, listOf, RequestView } from './views.ts'
import { type ApiWorld, isSolo } from './world.ts'

export function addAppRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('signed-in GET /v1/apps', listOf(AppView), inputs.OfApps, async call => {
    const { template, mine, soonest, ...of } = call.input
    const seen = seenApps(world, call.caller)
    const made = template === undefined ? seen : await madeFrom(world, template, seen)
    const personId = mine === 'true' && call.caller.kind === 'person' ? call.caller.personId : null
    const filter = { ...of, ...made, personId, isSoonest: soonest === 'true' }
    const found = await lists.listApps(world.store, filter)
    return { items: found.map(await peopleOf(world, found)), next: lists.nextPage(found, of) }
  })
  routes.add('signed-in GET /v1/apps/:app', AppDetail, async call =>
    appDetail(world, await appIn(world, call)),
  )
  routes.add('person POST /v1/apps', AppDetail, inputs.MakeApp, async ({ caller, input, ask }) => {
    const now = world.clock.now()
    const { roles = [...identityRoles], purpose, dataClasses, team = null, day = null } = input
    const draft = {
      id: newId('app'),
      slug: parseSlug(input.slug, 'slug'),
      ownerId: caller.personId,
      backupId: await backupOf(world, input.backup, caller.personId),
      team,
      day,
      purpose,
      dataClasses,
      stage: 'prototype',
      endTrigger: day === null ? 'date' : 'day-closes',
      endsAt: endOf(input, now),
    } as const
    const permit = await ask('app.make', 'app', draft.id, { ...draft, roles })
    const app = await makeApp(world, permit, draft)
    await makeIdentities(world, permit, { appId: app.id, roles })
    return appDetail(world, app)
  })
  routes.add('person PUT /v1/apps/:app/manifest', AppDetail, inputs.SetManifest, async call => {
    const app = await appIn(world, call)
    const text = parseLeaseholdYaml(call.input.yaml)
    const id = newId('manifest')
    const permit = await call.ask('manifest.set', 'manifest', id, { appId: app.id })
    await setManifest(world, permit, { id, appId: app.id, text })
    return appDetail(world, app)
  })
  routes.add('person PUT /v1/apps/:app/rules', AppRulesView, inputs.SetAppRules, async call => {
    const app = await appIn(world, call)
    const id = newId('manifest')
    const permit = await call.ask('manifest.set', 'manifest', id, { appId: app.id })
    const text = call.input as unknown as AppRulesText
    return rulesView(app.slug, await setAppRules(world, permit, { id, appId: app.id, text }))
  })
  routes.add('signed-in GET /v1/apps/:app/rules', AppRulesView, async call => {
    const app = await appIn(world, call)
    const [rules = throwUnknown('rules')] = world.replica.by(appRulesTable, 'appId', app.id)
    return rulesView(app.slug, rules)
  })
  addChangeRoutes(routes, world)
  addHandOverRoutes(routes, world)
}

function rulesView(app: string, { hash, text }: AppRulesRow) {
  return { app, hash, ...text, entities: text.entities.map(each => ({ ...each })) }
}

function addChangeRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person POST /v1/apps/:app/trust/:rule/remove', AppDetail, async call => {
    const app = await appIn(world, call)
    const rules = await lists.listTrustRules(world.store, app.id)
    const named = rules.find(({ id }) => id === call.param('rule'))
    const { id: ruleId } = named ?? throwUnknown('trust rule')
    const permit = await call.ask('trust.remove', 'trustRule', ruleId)
    await removeTrustRule(world, permit, { ruleId })
    return appDetail(world, app)
  })
  routes.add('person POST /v1/apps/:app/extend', AppView, inputs.ExtendApp, async call => {
    const app = await appIn(world, call)
    const endsAt = earliest(app.maxEndsAt, endOf(call.input, app.endsAt))
    const permit = await call.ask('app.extend', 'app', app.id, { endsAt })
    return appView(world, await events.extendApp(world, permit, { appId: app.id, endsAt }))
  })
  routes.add('person POST /v1/apps/:app/share', AppDetail, inputs.ShareApp, async call => {
    const app = await appIn(world, call)
    const people = call.input.people.map(each => findPersonBy(world.store, each, '/people'))
    const openTo = [...new Set((await Promise.all(people)).map(({ id }) => id))]
    const permit = await call.ask('app.share', 'app', app.id, { kind: 'people' })
    return appDetail(world, await events.shareApp(world, permit, { appId: app.id, openTo }))
  })
  const withAll = 'person POST /v1/apps/:app/share-with-all'
  routes.add(withAll, RequestView, inputs.WithReason, async call => {
    const app = await appIn(world, call)
    const approvers = [app.backupId, app.ownerId, ...peopleWith(world, 'platform', 'security')]
    const of = { kind: 'share', appId: app.id, reason: call.input.reason } as const
    return raise(world, call, { ...of, body: proposeShare(app), approvers })
  })
  routes.add('person POST /v1/apps/:app/pause', AppView, inputs.WithReason, async call => {
    const app = await appIn(world, call)
    const permit = await call.ask('app.pause', 'app', app.id)
    const { reason } = call.input
    const paused = await events.pauseApp(world, permit, { appId: app.id, reason })
    await Promise.all([world.runNow('leases'), world.runNow('holds')])
    return appView(world, paused)
  })
  routes.add('person POST /v1/apps/:app/resume', AppView, async call => {
    const app = await appIn(world, call)
    const permit = await call.ask('app.resume', 'app', app.id)
    const resumed = await events.resumeApp(world, permit, { appId: app.id })
    await world.runNow('holds')
    return appView(world, resumed)
  })
}

function addHandOverRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person POST /v1/apps/:app/transfer', AppView, inputs.TransferApp, async call => {
    const app = await appIn(world, call)
    const to = (await findPersonBy(world.store, call.input.to, '/to')).id
    const permit = await call.ask('app.transfer', 'app', app.id, { to })
    return appView(world, await events.transferApp(world, permit, { appId: app.id, to }))
  })
  routes.add('signed-in GET /v1/apps/:app/graduate', GraduationView, async call =>
    checkGraduation(world.store, await appIn(world, call), world.clock.now()),
  )
  routes.add('person POST /v1/apps/:app/graduate', RequestView, inputs.Graduate, async call => {
    const app = await appIn(world, call)
    const { to, backup, team, slug: named, keep, reason, days } = call.input
    const slug = parseSlug(named ?? `${app.slug}-service`, '/slug')
    if (await lists.findAppBySlug(world.store, slug)) throw taken(slug)
    const now = world.clock.now()
    const ownerId = (await findPersonBy(world.store, to, '/to')).id
    const backupId = await backupOf(world, backup, ownerId)
    const asked = { slug, ownerId, backupId, team, endsAt: endOf({ days }, now) }
    const plan = await proposeGraduation(world.store, app, { to: asked, keep, now })
    return raise(world, call, { ...plan, reason })
  })
  routes.add('person POST /v1/apps/:app/accept', AppView, inputs.AcceptApp, async call => {
    const app = await appIn(world, call)
    const { backup } = call.input
    const named = backup === undefined ? null : await findPersonBy(world.store, backup, '/backup')
    const accepts = { appId: app.id, ...(named && { backupId: named.id }) }
    const permit = await call.ask('app.accept', 'app', app.id)
    return appView(world, await events.acceptApp(world, permit, accepts))
  })
  routes.add('person POST /v1/apps/:app/backup', AppView, inputs.NameBackup, async call => {
    const app = await appIn(world, call)
    const backupId = (await findPersonBy(world.store, call.input.backup, '/backup')).id
    const permit = await call.ask('app.transfer', 'app', app.id, { to: backupId })
    return appView(world, await events.nameBackup(world, permit, { appId: app.id, backupId }))
  })
}

/** Of these apps, or of all, those made from a template. */
async function madeFrom({ store }: ApiWorld, template: string, seen: { apps?: AppId[] }) {
  const all = await lists.listTemplates(store, seen)
  const made = [...new Set(all.map(each => each.made))].filter(each => isOf(template, each))
  return { apps: all.flatMap(each => (made.includes(each.made) ? each.appId : [])) }
}

/** `web 1.0.0` is of `web`, of `web@1.0.0` and of `web@<1.1`. */
function isOf(wanted: string, made: string): boolean {
  const [[name, bound = ''], [is, version = '']] = [wanted.split('@'), made.split(' ')]
  const order = version.localeCompare(bound.replace('<', ''), 'en', { numeric: true })
  return is === name && (bound === '' || (bound.startsWith('<') ? order < 0 : order === 0))
}

async function appDetail(world: ApiWorld, app: AppRow): Promise<AppDetailView> {
  const { store } = world
  const of = { appId: app.id }
  const [view, identities, rules, manifest, grants, leases, requests, holds, denial, names] =
    await Promise.all([
      appView(world, app),
      listIdentities(store, app.id),
      lists.listTrustRules(store, app.id),
      lists.findManifest(store, app.id),
      lists.listGrants(store, of),
      lists.listLeases(store, of),
      lists.listRequests(store, of),
      lists.listHolds(store),
      lastDenial(world, app.id),
      readNames(world, app.openTo),
    ])
  const roleOf = new Map(identities.map(identity => [identity.id, identity.role]))
  const held = heldBy(world.replica, [app.id, app.ownerId, dayOf(app)])
  const says = manifest === undefined ? {} : lists.saysOf(manifest)
  return {
    ...view,
    identities,
    trust: rules.map(rule => ({ ...rule, role: roleOf.get(rule.identityId) ?? 'run' })),
    template: says[''] ?? null,
    address: world.addressOf(app.slug),
    openTo: app.openTo.map(id => (id === '*' ? 'everybody' : names(id))),
    purposes: (manifest?.purposes ?? []).map(each => ({ ...each, says: says[each.name] ?? '' })),
    grants: grants.map(grant => grantView(world, grant)),
    leases: leases.map(lease => leaseView(world, lease)),
    requests: requests.map(await cardsOf(world, requests)),
    holds: holds.filter(hold => held.some(each => each.id === hold.id)),
    lastDenial: denial,
  }
}

export async function backupOf(world: ApiWorld, named: string | undefined, ownerId: PersonId) {
  if (named !== undefined) return (await findPersonBy(world.store, named, '/backup')).id
  if (isSolo(world)) return ownerId
  throw problemOf('backup-missing', { field: '/backup' })
}

/** The end a person named, by date or in days; a week when neither. */
export function endOf(
  { days = 7, endsAt }: { days?: number | undefined; endsAt?: Instant | undefined },
  from: Instant,
): Instant {
  return endsAt ?? addSeconds(from, days * 86_400)
}
