/**
 * The slice of facts one question is judged on, read from memory. Pure: the same replica, question and
 * instant give the same slice, and nothing outside the slice is looked at afterwards.
 *
 * Only what the schema names for the action is taken; each entity passed costs time. Everything is
 * built on objects without a prototype, and by names of ours, never by a caller's keys.
 */
import type { AppRow } from '../app/rows.ts'
import { appTable } from '../app/rows.ts'
import { requestTable } from '../approval/rows.ts'
import type {
  AnyId,
  AppId,
  GrantId,
  IdentityId,
  PersonId,
  ResourceId,
  TaskId,
} from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { ActionName, DataAction } from '../base/permit.ts'
import { findingTable } from '../finding/rows.ts'
import { matchGrants } from '../grant/match.ts'
import {
  type GrantRow,
  grantTable,
  manifestTable,
  type ResourceRow,
  resourceTable,
  targetTable,
} from '../grant/rows.ts'
import { heldBy } from '../hold/hold.ts'
import { holdTable } from '../hold/rows.ts'
import { type IdentityRow, identityTable } from '../identity/rows.ts'
import type { FactRow, FactTable } from '../ledger/fact-table.ts'
import { installationTable, personTable } from '../people/rows.ts'
import { type TaskRow, taskTable } from '../task/rows.ts'
import { readChange, readOpening } from './draft.ts'
import type { Entity } from './engine/cedar.ts'
import { type AboutType, type Actor, type Question, thingTypes } from './question.ts'
import { bare, lives, person, uid, type View } from './view.ts'

export interface Facts {
  readonly principal: Entity
  readonly resource: Entity
  readonly context: JsonObject
  /** What is to be done to the data, for a lease; empty for everything else. */
  readonly uses: readonly Use[]
  readonly grants: readonly { readonly id: GrantId; readonly facts: JsonObject }[]
}

export interface Use {
  readonly action: DataAction
  readonly purposeCovers: boolean
}

/** Who asks, what is asked or what it is about is not known here. */
export interface Unknown {
  readonly unknown: 'actor' | 'action' | 'thing'
}

export interface Gathered {
  readonly facts: Facts | Unknown
  readonly appId: AppId | null
}

/** Facts of a question about ourselves: anything but a lease. */
export function factsOfChange(view: View, question: Question<ActionName>): Gathered {
  const { actor, about } = question
  const principal = principalOf(view, actor)
  const app = appOf(view, question)
  const appId = app?.id ?? null
  if (principal === undefined) return { facts: { unknown: 'actor' }, appId }
  const isNew = question.action === 'app.make'
  if (app === undefined && ownedTables.has(about.type) && actor.kind !== 'system' && !isNew)
    return { facts: { unknown: 'thing' }, appId }
  const opening = question.action === 'task.open' || question.action === 'token.exchange'
  const context =
    opening && app !== undefined ? openingOf(view, question, app) : changeOf(view, question, app)
  const resource = { uid: uid(thingTypes[about.type], about.id), attrs: bare({}), parents: [] }
  return { facts: { principal, resource, context, uses: [], grants: [] }, appId }
}

export interface Work {
  readonly identityId: IdentityId
  readonly taskId: TaskId
  readonly resourceId: ResourceId
  readonly actions: readonly DataAction[]
}

/** Facts of using data under a task: what a lease is issued and renewed on. */
export function factsOfWork(view: View, work: Work): Gathered {
  const { replica, now } = view
  const identity = replica.get(identityTable, work.identityId)
  const app = identity && replica.get(appTable, identity.appId)
  if (identity === undefined || app === undefined)
    return { facts: { unknown: 'actor' }, appId: null }
  const task = replica.get(taskTable, work.taskId)
  const resource = replica.get(resourceTable, work.resourceId)
  if (resource === undefined || task?.identityId !== identity.id)
    return { facts: { unknown: 'thing' }, appId: app.id }
  const [action = 'change-privilege'] = work.actions
  const needs = needed(view, task, resource)
  const query = { appId: app.id, role: identity.role, resourceId: resource.id, action, now }
  const facts: Facts = {
    principal: identityEntity(identity),
    resource: resourceEntity(view, resource),
    context: bare({
      ...situation(view, [app.ownerId, task.onBehalfOf], app.id, identity.id),
      app: workingApp(view, app),
      task: taskFacts(view, task),
    }),
    uses: work.actions.map(each => ({ action: each, purposeCovers: needs.has(each) })),
    grants: matchGrants(replica, query)
      .slice(0, limits.grantCandidates)
      .map(grant => ({ id: grant.id, facts: grantFacts(grant) })),
  }
  return { facts, appId: app.id }
}

// ── who acts ──

function principalOf(view: View, actor: Actor): Entity | undefined {
  if (actor.kind === 'system') return { uid: uid('System', actor.id), attrs: bare({}), parents: [] }
  if (actor.kind === 'identity') {
    const identity = view.replica.get(identityTable, actor.id)
    return identity && identityEntity(identity)
  }
  const person = view.replica.get(personTable, actor.id)
  if (person === undefined) return undefined
  const held = view.replica.by(holdTable, 'about', person.id).some(hold => hold.scope === 'person')
  const attrs = bare({ roles: person.roles, living: person.state === 'living', held })
  return { uid: uid('Person', person.id), attrs, parents: [] }
}

function identityEntity(identity: IdentityRow): Entity {
  const attrs = bare({
    app: uid('App', identity.appId),
    role: identity.role,
    state: identity.state,
  })
  return { uid: uid('Identity', identity.id), attrs, parents: [] }
}

// ── where it stands ──

/** Tables of what belongs to an app. Later chapters' rows by name: only whose they are is read. */
const ownedTables: ReadonlyMap<AboutType, string> = new Map([
  ['app', 'app'],
  ['identity', 'identity'],
  ['trustRule', 'trust_rule'],
  ['grant', 'app_grant'],
  ['manifest', 'manifest'],
  ['task', 'task'],
  ['token', 'token'],
  ['lease', 'lease'],
  ['offboarding', 'offboarding'],
])

type App = Omit<AppRow, 'purpose'>

function appOf(view: View, { actor, about }: Question<ActionName>): App | undefined {
  const { replica } = view
  const named = (id: unknown): App | undefined =>
    typeof id === 'string' ? replica.get(appTable, id) : undefined
  if (about.type === 'app') return named(about.id)
  if (about.type === 'request') {
    const request = replica.get(requestTable, about.id)
    return named(request === undefined ? about.draft?.['appId'] : request.appId)
  }
  if (about.type === 'hold') return appHeld(view, about.id, about.draft)
  const table = ownedTables.get(about.type)
  if (table === undefined) return undefined
  const row = replica.get(byName(table), about.id)
  if (row !== undefined) return named(row.appId)
  const identityId = about.draft?.['identityId'] ?? (actor.kind === 'identity' ? actor.id : null)
  if (typeof identityId !== 'string') return named(about.draft?.['appId'])
  return named(replica.get(identityTable, identityId)?.appId)
}

function appHeld(view: View, id: AnyId, draft: JsonObject | undefined): App | undefined {
  const hold = view.replica.get(holdTable, id) ?? draft
  const about = hold?.['about']
  if (typeof about !== 'string') return undefined
  if (hold?.['scope'] === 'app') return view.replica.get(appTable, about)
  const identity = hold?.['scope'] === 'identity' && view.replica.get(identityTable, about)
  return identity ? view.replica.get(appTable, identity.appId) : undefined
}

function byName(name: string): FactTable<FactRow & { readonly appId: AppId }> {
  return { name } as FactTable<FactRow & { readonly appId: AppId }>
}

/** What every context begins with. */
function situation(
  view: View,
  people: readonly (PersonId | null)[],
  appId: AppId | null,
  identityId: IdentityId | null,
) {
  const personIds = people.filter(id => id !== null)
  const holds = heldBy(view.replica, { appId, personIds, identityId })
  const mode = view.replica.all(installationTable)[0]?.mode ?? 'team'
  return { now: view.now, mode, ageMs: Math.ceil(view.ageMs), holds: holds.length }
}

function changeOf(view: View, question: Question<ActionName>, app: App | undefined): JsonObject {
  const { actor, about } = question
  const people = actor.kind === 'person' ? [actor.id] : []
  const identityId = actor.kind === 'identity' ? actor.id : null
  return bare({
    ...situation(view, people, app?.id ?? null, identityId),
    app: app && wholeApp(view, app),
    request: requestFacts(view, about.id),
    data: dataFacts(view, question),
    hold: holdFacts(view, about.type, about.id, about.draft),
    findingOwner: person(view.replica.get(findingTable, about.id)?.ownerId),
    draft: readChange(view, question.about),
  })
}

function openingOf(view: View, question: Question<ActionName>, app: App): JsonObject {
  const draft = readOpening(view, question.about)
  const purposes = view.replica.by(manifestTable, 'appId', app.id)[0]?.purposes ?? []
  const behalf = question.about.draft?.['onBehalfOf']
  const people = [app.ownerId, typeof behalf === 'string' ? (behalf as PersonId) : null]
  const identityId = question.actor.kind === 'identity' ? question.actor.id : null
  return bare({
    ...situation(view, people, app.id, identityId),
    app: workingApp(view, app),
    purposeKnown: purposes.some(purpose => purpose.name === draft['purpose']),
    draft,
  })
}

// ── facts of things ──

function workingApp(view: View, app: App): JsonObject {
  return bare({
    id: uid('App', app.id),
    slug: app.slug,
    owner: person(app.ownerId),
    ownerLiving: lives(view, app.ownerId),
    orphanedAt: app.orphanedAt,
    stage: app.stage,
    state: app.state,
    endsAt: app.endsAt,
  })
}

function wholeApp(view: View, app: App): JsonObject {
  return bare({
    ...workingApp(view, app),
    backup: person(app.backupId),
    offeredTo: person(app.offeredTo),
    pausedBecause: app.pausedBecause,
    dataClasses: app.dataClasses,
    madeAt: app.madeAt,
    maxEndsAt: app.maxEndsAt,
    grants: view.replica.by(grantTable, 'appId', app.id).length,
  })
}

function taskFacts(view: View, task: TaskRow): JsonObject {
  const { onBehalfOf, autonomy } = task
  const isThere = onBehalfOf !== null && lives(view, onBehalfOf)
  return bare({
    id: uid('Task', task.id),
    purpose: task.purpose,
    kind: task.kind,
    autonomy,
    humanInLoop: autonomy === 'attended' && isThere,
    onBehalfOf: person(onBehalfOf),
    touched: task.touched,
    state: task.state,
    endsAt: task.endsAt,
  })
}

/** The resource with its facts, as policies see it. */
export function resourceEntity(view: View, resource: ResourceRow): Entity {
  const target = view.replica.get(targetTable, resource.targetId)
  const attrs = bare({
    slug: resource.slug,
    dataClass: resource.dataClass,
    sandbox: resource.isSandbox,
    // A target nobody knows counts as production, and as retired.
    production: target?.production ?? true,
    state: target?.state === 'active' ? resource.state : 'retired',
    target: uid('Target', resource.targetId),
    dataOwner: person(resource.dataOwnerId),
  })
  return { uid: uid('Resource', resource.id), attrs, parents: [] }
}

export function grantFacts(
  grant: Pick<
    GrantRow,
    'appId' | 'resourceId' | 'roles' | 'actions' | 'columns' | 'unattended' | 'state' | 'endsAt'
  >,
): JsonObject {
  return bare({
    app: uid('App', grant.appId),
    resource: uid('Resource', grant.resourceId),
    roles: grant.roles,
    actions: grant.actions,
    columns: grant.columns.length,
    unattended: grant.unattended,
    state: grant.state,
    endsAt: grant.endsAt,
  })
}

function requestFacts(view: View, id: AnyId): JsonObject | undefined {
  const request = view.replica.get(requestTable, id)
  if (request === undefined) return undefined
  const { kind, state, approvers, quorum, ownAnswer, askedBy } = request
  return bare({
    kind,
    state,
    askedBy: view.replica.get(personTable, askedBy) && person(askedBy),
    approvers: approvers.map(each => uid('Person', each)),
    quorum,
    ownAnswer,
  })
}

function dataFacts(view: View, { about }: Question<ActionName>): JsonObject | undefined {
  const grant = about.type === 'grant' ? view.replica.get(grantTable, about.id) : undefined
  const id = grant?.resourceId ?? about.draft?.['resourceId']
  const resource = typeof id === 'string' ? view.replica.get(resourceTable, id) : undefined
  if (resource === undefined) return undefined
  const { slug, dataClass, sandbox, production, dataOwner } = resourceEntity(view, resource).attrs
  const asked = about.draft?.['actions']
  const actions = grant?.actions ?? (Array.isArray(asked) ? asked.map(String) : [])
  return bare({ slug, dataClass, sandbox, production, dataOwner, actions })
}

function holdFacts(
  view: View,
  type: AboutType,
  id: AnyId,
  draft: JsonObject | undefined,
): JsonObject | undefined {
  if (type !== 'hold') return undefined
  const hold = view.replica.get(holdTable, id)
  const scope = hold?.scope ?? draft?.['scope']
  if (typeof scope !== 'string') return undefined
  const setBy = hold && view.replica.get(personTable, hold.setBy)
  return bare({ scope, setBy: setBy && person(setBy.id) })
}

/** What the manifest says that the purpose needs of this resource. */
function needed(view: View, task: TaskRow, resource: ResourceRow): ReadonlySet<DataAction> {
  const manifest = view.replica.by(manifestTable, 'appId', task.appId)[0]
  const needs = manifest?.purposes.find(each => each.name === task.purpose)?.needs ?? []
  return new Set(needs.flatMap(need => (need.resource === resource.slug ? need.actions : [])))
}
