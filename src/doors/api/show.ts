/** Rows as people and programs see them. Names of people are read by SQL: they are never in memory. */
import { type AppRow, appTable } from '../../core/app/rows.ts'
import { assert } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { Instant } from '../../core/base/time.ts'
import type { FindingRow } from '../../core/finding/rows.ts'
import * as data from '../../core/grant/rows.ts'
import type { HoldRow } from '../../core/hold/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import { isLiving } from '../../core/people/person.ts'
import { type PersonRow, personTable } from '../../core/people/rows.ts'
import { query, verbatim } from '../../core/store/store.ts'
import type { TaskRow } from '../../core/task/rows.ts'
import { sayBudget } from '../../life/budget/budget.ts'
import { listLeases } from '../../life/lists/lists.ts'
import { shortId } from '../../life/lists/short-id.ts'
import { anewAt, readKept } from '../../life/shelter/shelter.ts'
import type * as api from './contract.ts'
import type { ApiWorld } from './world.ts'

/** What anything is called, for people: a person by name (whom nobody knows any more by none), our sweeps, things by slug. */
export async function readNames(world: ApiWorld, ids: readonly (string | null)[]) {
  const wanted = [...new Set(ids.filter(id => id?.startsWith('pe_')))]
  const rows = await (wanted.length === 0
    ? []
    : query<{ id: string; name: string }>(world.store)`
        select id, name from person where id = any(${wanted})`)
  const names = new Map(rows.map(row => [row.id, row.name]))
  return (id: string) => {
    if (id.startsWith('pe_')) return names.get(id) ?? '(a person)'
    return id.startsWith('sy_') ? `${product.name} (${id.slice(3)})` : nameOf(world, id)
  }
}

/** A thing by what people call it; by its id where it has no name. */
export function nameOf({ replica }: ApiWorld, id: string): string {
  const grant = replica.get(data.grantTable, id)
  if (grant !== undefined)
    return `grant on ${replica.get(data.resourceTable, grant.resourceId)?.slug ?? grant.resourceId}`
  const named =
    replica.get(appTable, id) ??
    replica.get(data.resourceTable, id) ??
    replica.get(data.targetTable, id)
  return named?.slug ?? replica.get(identityTable, id)?.spiffeId ?? id
}

export function personView(world: ApiWorld, person: PersonRow): api.PersonView {
  return { ...person, isLiving: isLiving(person, world.clock.now()) }
}

export async function appView(world: ApiWorld, app: AppRow): Promise<api.AppView> {
  return (await peopleOf(world, [app]))(app)
}

/** How apps are shown: their people are read once for all of them. */
export async function peopleOf(world: ApiWorld, apps: readonly AppRow[]) {
  const ids = apps.flatMap(app => [app.ownerId, app.backupId, app.offeredTo ?? []].flat())
  const rows = await query<PersonRow>(world.store)`
    select ${verbatim(personTable.select)} from person where id = any(${ids})`
  const people = new Map(rows.map(row => [row.id, personView(world, row)]))
  return (app: AppRow): api.AppView => {
    const owner = people.get(app.ownerId)
    assert(owner !== undefined, 'an app has an owner')
    const offered = app.offeredTo === null ? undefined : people.get(app.offeredTo)
    const [says, next = null] = appSays(app, owner.name, world.clock.now())
    const backup = people.get(app.backupId) ?? null
    return { ...app, owner, backup, offeredTo: offered?.name ?? null, says, next }
  }
}

/** One line of what is going on, and the command to run next. */
function appSays(app: AppRow, owner: string, now: Instant): [says: string, next?: string] {
  const { slug, state } = app
  switch (state) {
    case 'active':
      if (app.orphanedAt === null && (app.watchedUntil ?? now) > now)
        return [
          `It is watched: what policy denies goes on until ${app.watchedUntil}.`,
          `enforce ${slug}`,
        ]
      if (app.orphanedAt === null) return ['It runs.']
      return [`${owner} is gone; nobody owns it.`, `transfer accept ${slug}`]
    case 'paused':
      if (app.pausedBecause !== 'owner-gone')
        return ['It is paused: nothing is issued, nothing is deleted.', `resume ${slug}`]
      return [`It is paused: ${owner} is gone and nobody took over.`, `transfer accept ${slug}`]
    case 'ending':
      return ['It is being taken down.', `end ${slug}`]
    case 'ended':
    case 'graduated':
      return [`It ${state}.`]
  }
}

export function leaseView(world: ApiWorld, lease: LeaseRow): api.LeaseView {
  return {
    ...lease,
    shortId: shortId('lease', lease.id),
    app: nameOf(world, lease.appId),
    identity: nameOf(world, lease.identityId),
    task: shortId('task', lease.taskId),
    resource: nameOf(world, lease.resourceId),
    target: nameOf(world, lease.targetId),
    because: lease.evidence?.because ?? null,
  }
}

export function grantView(world: ApiWorld, grant: data.GrantRow): api.GrantView {
  const offered = world.replica.get(data.resourceTable, grant.resourceId)?.columns ?? grant.columns
  return {
    ...grant,
    shortId: shortId('grant', grant.id),
    app: nameOf(world, grant.appId),
    resource: nameOf(world, grant.resourceId),
    columnsOf: offered.length,
    atMost: grant.budget && sayBudget(grant.budget),
  }
}

export async function taskView(world: ApiWorld, task: TaskRow): Promise<api.TaskView> {
  const name = await readNames(world, [task.onBehalfOf])
  const leases = await listLeases(world.store, { taskId: task.id })
  return {
    ...task,
    shortId: shortId('task', task.id),
    app: nameOf(world, task.appId),
    identity: nameOf(world, task.identityId),
    onBehalfOf: task.onBehalfOf && name(task.onBehalfOf),
    worksFor: task.parentId && shortId('task', task.parentId),
    leases: leases.map(lease => leaseView(world, lease)),
  }
}

export async function targetView(world: ApiWorld, target: data.TargetRow): Promise<api.TargetView> {
  const owner = (await readNames(world, [target.ownerId]))(target.ownerId)
  const { isOwn: isSheltered } = await readKept(world.store, target.id)
  return { ...target, owner, isSheltered, anewAt: await anewAt(world, target) }
}

export async function resourceView(
  world: ApiWorld,
  resource: data.ResourceRow,
): Promise<api.ResourceView> {
  const name = await readNames(world, [resource.dataOwnerId])
  const { sandboxTwinId: twin } = resource
  return {
    ...resource,
    target: nameOf(world, resource.targetId),
    dataOwner: name(resource.dataOwnerId),
    sandboxTwin: twin && nameOf(world, twin),
  }
}

export async function holdView(world: ApiWorld, hold: HoldRow): Promise<api.HoldView> {
  const name = await readNames(world, [hold.setBy, hold.about])
  return { ...hold, about: name(hold.about), setBy: name(hold.setBy) }
}

export async function findingsOf(world: ApiWorld, findings: readonly FindingRow[]) {
  const name = await readNames(
    world,
    findings.flatMap(({ ownerId, about }) => [ownerId, about]),
  )
  return (finding: FindingRow): api.FindingView => ({
    ...finding,
    shortId: shortId('finding', finding.id),
    about: name(finding.about),
    owner: finding.ownerId && name(finding.ownerId),
    says: finding.words ?? finding.kind,
  })
}
