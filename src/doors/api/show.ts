/** Rows as people and programs see them. Names of people are read by SQL: they are never in memory. */
import { type AppRow, appTable } from '../../core/app/rows.ts'
import { listAnswers, type RequestRow } from '../../core/approval/rows.ts'
import { type Id, type PersonId, type ShortKind, shortId } from '../../core/base/ids.ts'
import { product } from '../../core/base/product.ts'
import type { FindingRow } from '../../core/finding/rows.ts'
import {
  type GrantRow,
  type ResourceRow,
  resourceTable,
  type TargetRow,
  targetTable,
} from '../../core/grant/rows.ts'
import type { HoldRow } from '../../core/hold/rows.ts'
import { identityTable } from '../../core/identity/rows.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import { listLeases } from '../../core/lease/rows.ts'
import { isLiving } from '../../core/people/person.ts'
import { type PersonRow, personTable } from '../../core/people/rows.ts'
import type { TaskRow } from '../../core/task/rows.ts'
import type {
  AppView,
  FindingView,
  GrantView,
  HoldView,
  LeaseView,
  PersonView,
  RequestView,
  ResourceView,
  TargetView,
  TaskView,
} from './contract.ts'
import type { ApiWorld } from './world.ts'

export type Names = ReadonlyMap<string, string>

/** Names of people by id; who was erased or is unknown has none. */
export async function readNames(world: ApiWorld, ids: readonly (string | null)[]): Promise<Names> {
  const wanted = [...new Set(ids.filter(id => id?.startsWith('pe_')))]
  if (wanted.length === 0) return new Map()
  const rows = await world.store.query<{ id: string; name: string }>(
    'select id, name from person where id = any($1)',
    [wanted],
  )
  return new Map(rows.map(row => [row.id, row.name]))
}

/** A person, a workload or one of our sweeps, in words. */
export function actorName(world: ApiWorld, names: Names, id: string): string {
  if (id.startsWith('pe_')) return names.get(id) ?? '(a person)'
  if (id.startsWith('sy_')) return `${product.name} (${id.slice(3)})`
  const identity = world.replica.get(identityTable, id)
  return identity?.spiffeId ?? id
}

function short(kind: ShortKind, id: string): string {
  return shortId(kind, id as Id<ShortKind>)
}

function slugOf(world: ApiWorld, appId: string): string {
  return world.replica.get(appTable, appId)?.slug ?? appId
}

export function personView(world: ApiWorld, person: PersonRow): PersonView {
  const { id, name, roles, state, seenAt } = person
  return {
    id,
    name,
    roles: [...roles],
    state,
    seenAt,
    isLiving: isLiving(person, world.clock.now()),
  }
}

export async function personViews(
  world: ApiWorld,
  ids: readonly PersonId[],
): Promise<Map<string, PersonView>> {
  const rows = await world.store.query<PersonRow>(
    `select ${personTable.select} from person where id = any($1)`,
    [[...new Set(ids)]],
  )
  return new Map(rows.map(row => [row.id, personView(world, row)]))
}

export async function appView(world: ApiWorld, app: AppRow): Promise<AppView> {
  const people = await personViews(world, [
    app.ownerId,
    app.backupId,
    ...(app.offeredTo === null ? [] : [app.offeredTo]),
  ])
  const owner = people.get(app.ownerId)
  if (owner === undefined) throw new Error(`the owner of ${app.id} is missing`)
  const { id, slug, purpose, team, stage, state, pausedBecause, endTrigger } = app
  return {
    id,
    slug,
    purpose,
    owner,
    backup: people.get(app.backupId) ?? null,
    offeredTo: app.offeredTo === null ? null : (people.get(app.offeredTo)?.name ?? null),
    team,
    dataClasses: [...app.dataClasses],
    stage,
    state,
    pausedBecause,
    endTrigger,
    endsAt: app.endsAt,
    maxEndsAt: app.maxEndsAt,
    madeAt: app.madeAt,
    endedAt: app.endedAt,
    ...appSays(app, owner.name),
  }
}

/** One line of what is going on, and the command to run next. */
function appSays(app: AppRow, owner: string): { says: string; next: string | null } {
  switch (app.state) {
    case 'draft':
      return { says: 'It is being made.', next: `trust add ${app.slug}` }
    case 'active':
      return app.orphanedAt === null
        ? { says: 'It runs.', next: null }
        : { says: `${owner} is gone; nobody owns it.`, next: `transfer accept ${app.slug}` }
    case 'paused':
      return app.pausedBecause === 'owner-gone'
        ? {
            says: `It is paused: ${owner} is gone and nobody took over.`,
            next: `transfer accept ${app.slug}`,
          }
        : {
            says: 'It is paused: nothing is issued, nothing is deleted.',
            next: `resume ${app.slug}`,
          }
    case 'ending':
      return { says: 'It is being taken down.', next: `end ${app.slug}` }
    case 'ended':
    case 'graduated':
      return { says: `It ${app.state === 'ended' ? 'ended' : 'graduated'}.`, next: null }
  }
}

export function leaseView(world: ApiWorld, lease: LeaseRow): LeaseView {
  const identity = world.replica.get(identityTable, lease.identityId)
  return {
    id: lease.id,
    shortId: short('lease', lease.id),
    app: slugOf(world, lease.appId),
    identity: identity?.spiffeId ?? lease.identityId,
    task: short('task', lease.taskId),
    resource: world.replica.get(resourceTable, lease.resourceId)?.slug ?? lease.resourceId,
    target: world.replica.get(targetTable, lease.targetId)?.slug ?? lease.targetId,
    actions: [...lease.actions],
    principal: lease.principal,
    state: lease.state,
    outcome: lease.outcome,
    contained: lease.contained,
    cause: lease.cause,
    term: lease.term,
    madeAt: lease.madeAt,
    issuedAt: lease.issuedAt,
    termEndsAt: lease.termEndsAt,
    endsAt: lease.endsAt,
    diesAt: lease.diesAt,
    endedAt: lease.endedAt,
    because: lease.evidence?.because ?? null,
  }
}

export function grantView(world: ApiWorld, grant: GrantRow): GrantView {
  const resource = world.replica.get(resourceTable, grant.resourceId)
  return {
    id: grant.id,
    shortId: short('grant', grant.id),
    app: slugOf(world, grant.appId),
    resource: resource?.slug ?? grant.resourceId,
    roles: [...grant.roles],
    actions: [...grant.actions],
    columns: [...grant.columns],
    columnsOf: resource?.columns.length ?? grant.columns.length,
    state: grant.state,
    unattended: grant.unattended,
    madeAt: grant.madeAt,
    endsAt: grant.endsAt,
    usedAt: grant.usedAt,
  }
}

export async function taskView(world: ApiWorld, task: TaskRow): Promise<TaskView> {
  const [names, leases] = await Promise.all([
    readNames(world, [task.onBehalfOf]),
    listLeases(world.store, { taskId: task.id }),
  ])
  return {
    id: task.id,
    shortId: short('task', task.id),
    app: slugOf(world, task.appId),
    identity: world.replica.get(identityTable, task.identityId)?.spiffeId ?? task.identityId,
    kind: task.kind,
    purpose: task.purpose,
    autonomy: task.autonomy,
    onBehalfOf: task.onBehalfOf === null ? null : (names.get(task.onBehalfOf) ?? null),
    provenance: { ...task.provenance },
    state: task.state,
    closedBecause: task.closedBecause,
    openedAt: task.openedAt,
    endsAt: task.endsAt,
    closedAt: task.closedAt,
    leases: leases.map(lease => leaseView(world, lease)),
  }
}

export async function targetView(world: ApiWorld, target: TargetRow): Promise<TargetView> {
  const names = await readNames(world, [target.ownerId])
  const { id, slug, connector, address, production, adminEndsAt, preflightState, preflightAt } =
    target
  return {
    id,
    slug,
    connector,
    address,
    production,
    owner: names.get(target.ownerId) ?? '(a person)',
    adminEndsAt,
    preflightState,
    preflightAt,
  }
}

export async function resourceView(world: ApiWorld, resource: ResourceRow): Promise<ResourceView> {
  const names = await readNames(world, [resource.dataOwnerId])
  const twin = resource.sandboxTwinId
  return {
    id: resource.id,
    slug: resource.slug,
    target: world.replica.get(targetTable, resource.targetId)?.slug ?? resource.targetId,
    dataClass: resource.dataClass,
    dataOwner: names.get(resource.dataOwnerId) ?? '(a person)',
    columns: resource.columns.map(column => ({ ...column })),
    isSandbox: resource.isSandbox,
    sandboxTwin: twin === null ? null : (world.replica.get(resourceTable, twin)?.slug ?? null),
  }
}

export async function holdView(world: ApiWorld, hold: HoldRow): Promise<HoldView> {
  const names = await readNames(world, [hold.setBy, hold.about])
  const { id, scope, reason, state, madeAt } = hold
  const about = world.replica.get(appTable, hold.about)?.slug ?? names.get(hold.about) ?? hold.about
  return { id, scope, about, reason, state, madeAt, setBy: names.get(hold.setBy) ?? hold.setBy }
}

export async function findingView(world: ApiWorld, finding: FindingRow): Promise<FindingView> {
  const names = await readNames(world, [finding.ownerId])
  const { id, kind, severity, details, state, answer, madeAt } = finding
  return {
    id,
    shortId: short('finding', id),
    kind,
    severity,
    about: world.replica.get(appTable, finding.about)?.slug ?? finding.about,
    owner: finding.ownerId === null ? null : (names.get(finding.ownerId) ?? null),
    says: finding.words ?? kind,
    details: { ...details },
    state,
    answer,
    madeAt,
  }
}

/** The card of a request: what is asked, what a yes gives, the worst that can come of it. */
export async function requestView(world: ApiWorld, request: RequestRow): Promise<RequestView> {
  const answers = await listAnswers(world.store, request.id)
  const names = await readNames(world, [
    request.askedBy,
    ...request.approvers,
    ...answers.map(answer => answer.personId),
  ])
  const made = await madeBy(world, request)
  const card = requestCard(world, request, actorName(world, names, request.askedBy))
  const { id, kind, reason, state, bodyHash, quorum, madeAt, expiresAt, closedAt } = request
  return {
    id,
    shortId: short('request', id),
    kind,
    app: request.appId === null ? null : slugOf(world, request.appId),
    askedBy: actorName(world, names, request.askedBy),
    reason,
    state,
    ...card,
    body: JSON.parse(request.body),
    bodyHash,
    approvers: request.approvers.map(person => names.get(person) ?? '(a person)'),
    quorum,
    answers: answers.map(({ personId, says, at, comment }) => ({
      person: names.get(personId) ?? '(a person)',
      says,
      at,
      comment,
    })),
    madeAt,
    expiresAt,
    closedAt,
    made,
  }
}

async function madeBy(world: ApiWorld, request: RequestRow): Promise<string | null> {
  const rows = await world.store.query<{ id: string }>(
    `select id from app_grant where request_id = $1
     union all select id from bundle where request_id = $1
     union all select id from trust_rule where request_id = $1`,
    [request.id],
  )
  return rows[0]?.id ?? null
}

function requestCard(
  world: ApiWorld,
  request: RequestRow,
  asker: string,
): Pick<RequestView, 'says' | 'gives' | 'worst'> {
  const body = JSON.parse(request.body) as Record<string, unknown>
  const app = request.appId === null ? '' : slugOf(world, request.appId)
  if (request.kind === 'grant') return grantCard(world, body, asker, app)
  if (request.kind === 'trust')
    return {
      says: `${asker} asks: who may speak for ${app}`,
      gives: [`${String(body.preset)} · ${String(body.issuer)}`, JSON.stringify(body.claims)],
      worst: 'Whoever matches these claims can act as the app, inside its grants.',
    }
  if (request.kind === 'policy')
    return {
      says: `${asker} asks to change the policy`,
      gives: [`bundle ${String(body.hash ?? request.bodyHash).slice(0, 12)}`],
      worst: 'Every decision from then on is made under it.',
    }
  return { says: `${asker} asks: ${request.kind} ${app}`, gives: [], worst: null }
}

function grantCard(world: ApiWorld, body: Record<string, unknown>, asker: string, app: string) {
  const resource = world.replica.get(resourceTable, String(body.resourceId))
  const columns = Array.isArray(body.columns) ? body.columns.length : 0
  const hidden = resource?.columns.filter(column => column.hidden).map(column => column.name) ?? []
  const actions = Array.isArray(body.actions) ? body.actions.join(', ') : ''
  return {
    says: `${asker} asks: ${app} may ${actions.toUpperCase()} ${resource?.slug ?? 'something'}`,
    gives: [
      `${columns} of ${resource?.columns.length ?? columns} columns${hidden.length > 0 ? `, hidden: ${hidden.join(', ')}` : ''}`,
      `data class ${resource?.dataClass ?? 'unknown'}`,
      `until ${String(body.endsAt)}`,
      body.unattended === true ? 'also when nobody watches' : 'only in a task somebody started',
    ],
    worst: `A stolen credential could ${actions} these columns until its term ends, 15 minutes at most.`,
  }
}
