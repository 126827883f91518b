/**
 * The slice of facts one question is judged on, read from memory. Pure: the same replica, question and
 * instant give the same slice, and nothing outside the slice is looked at afterwards.
 *
 * Only what the schema names for the action is taken; each entity passed costs time. Everything is
 * built on objects without a prototype, and by names of ours, never by a caller's keys.
 */

import { type AppRow, appTable } from '../app/rows.ts'
import { requestTable } from '../approval/rows.ts'
import type { AppId, GrantId, IdentityId, PersonId, ResourceId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { ActionName, DataAction } from '../base/permit.ts'
import { earliest } from '../base/time.ts'
import { words } from '../base/words.ts'
import { findingTable } from '../finding/rows.ts'
import { matchGrants } from '../grant/match.ts'
import * as data from '../grant/rows.ts'
import { concernedBy, dayOf, heldBy } from '../hold/hold.ts'
import { holdTable } from '../hold/rows.ts'
import { type IdentityRow, identityTable } from '../identity/rows.ts'
import { type FactRow, type FactTable, snakeCase } from '../ledger/fact-table.ts'
import { installationTable, personTable } from '../people/rows.ts'
import { type TaskRow, taskTable } from '../task/rows.ts'
import { readChange, readOpening } from './draft.ts'
import type { Entity } from './engine/cedar.ts'
import { type AboutType, type Actor, type Question, thingTypes } from './question.ts'
import { bare, lives, person, pick, uid, type View } from './view.ts'

export interface Facts {
  readonly principal: Entity
  readonly resource: Entity
  readonly context: JsonObject
  /** What is to be done to the data, for a lease; empty for everything else. */
  readonly uses: readonly Use[]
  readonly grants: readonly {
    readonly id: GrantId
    readonly facts: JsonObject
    /** No rule reads it: who lets something through debits it. */
    readonly budget?: data.Budget
  }[]
  /** No rule reads it: until then what they deny of this use goes on, and is recorded as that. */
  readonly watchedUntil?: App['endsAt']
  /** The same asked by the task it works for: that must be allowed as well. */
  readonly worksFor?: Facts | Unknown
}

export interface Use {
  readonly action: DataAction
  readonly purposeCovers: boolean
  /** Of one call: a person has said yes to exactly it. */
  readonly approved?: boolean
}

/** Who asks, what is asked or what it is about is not known here. */
export interface Unknown {
  readonly unknown: 'actor' | 'action' | 'thing'
}

export interface Gathered {
  readonly facts: Facts | Unknown
  readonly appId: AppId | null
}

type Asked = Question<ActionName>
type App = Omit<AppRow, 'purpose'>

/** Facts of a question about ourselves: anything but a lease. */
export function factsOfChange(view: View, question: Asked): Gathered {
  const { actor, about, action } = question
  const principal = principalOf(view, actor)
  const app = appOf(view, question)
  const appId = app?.id ?? null
  if (principal === undefined) return { facts: { unknown: 'actor' }, appId }
  if (app === undefined && needsApp(question)) return { facts: { unknown: 'thing' }, appId }
  const opens = app !== undefined && openings.has(action)
  const context = opens ? openingOf(view, question, app) : changeOf(view, question, app)
  const resource = entity(thingTypes[about.type], about.id)
  return { facts: { principal, resource, context, uses: [], grants: [] }, appId }
}

export interface Work {
  readonly identityId: IdentityId
  readonly taskId: TaskId
  readonly resourceId: ResourceId
  readonly actions: readonly DataAction[]
  /** One call through a gateway: the hash a person would have agreed to; empty before it is known. */
  readonly call?: string | undefined
  /** `target/name` of the tool, where one is called. */
  readonly tool?: string | undefined
  /** How the credential is to be handed over; `proxy` where it stays here, or none is asked for. */
  readonly via?: Via | undefined
}

/** The credential itself in the caller's environment, or a word that our gateway alone takes. */
export type Via = 'proxy' | 'env'

/** Facts of using data under a task: what a lease is issued, renewed and used on. */
export function factsOfWork(view: View, work: Work): Gathered {
  const { replica, now } = view
  const identity = replica.get(identityTable, work.identityId)
  const app = identity && replica.get(appTable, identity.appId)
  if (identity === undefined || app === undefined)
    return { facts: { unknown: 'actor' }, appId: null }
  const { id: appId } = app
  const task = replica.get(taskTable, work.taskId)
  const resource = replica.get(data.resourceTable, work.resourceId)
  if (resource === undefined || task?.identityId !== identity.id)
    return { facts: { unknown: 'thing' }, appId }
  const [action = 'change-privilege'] = work.actions
  const query = { appId, role: identity.role, resourceId: resource.id, action, now }
  // What somebody broke the glass for is theirs alone, while they are there.
  const isTheirs = (grant: data.GrantRow) =>
    !data.isGlass(grant) || (grant.glassBy === task.onBehalfOf && task.autonomy === 'attended')
  const grants = matchGrants(replica, query).filter(isTheirs)
  const needs = needed(view, task, resource)
  const approved = work.call === undefined ? {} : { approved: isAgreed(view, work.call) }
  const concerned = [work.tool, ...concernedBy(replica, task)]
  const around = situation(view, concerned)
  // INVARIANT: reading and writing alone, of an adopted app in order and on its own account. What stops
  // anybody stops it too, whatever the rules are; what is handed on is never watched, on either side.
  const isMild = work.actions.every(each => each === 'read' || each === 'write')
  const isInOrder =
    [app, identity, resource].every(each => each.state === 'active') && around.holds === 0
  const isOwn = app.origin === 'adopted' && lives(view, app.ownerId) && !task.parentId
  const until = earliest(app.watchedUntil ?? now, app.endsAt, task.endsAt)
  const isWatched = isMild && isInOrder && isOwn && task.state === 'open' && until > now
  const facts: Facts = {
    principal: identityEntity(identity),
    resource: resourceEntity(view, resource),
    context: bare({
      ...around,
      app: workingApp(view, app),
      task: taskFacts(view, task),
      via: work.via ?? 'proxy',
    }),
    uses: work.actions.map(each => ({ action: each, purposeCovers: needs.has(each), ...approved })),
    grants: grants.map(grant => ({
      id: grant.id,
      facts: grantFacts(grant),
      ...(grant.budget && { budget: grant.budget }),
    })),
    ...(isWatched && { watchedUntil: until }),
    ...(task.parentId && { worksFor: lent(view, work, task.parentId) }),
  }
  return { facts, appId }
}

/** What the task it works for may hand on: not what is counted for it, nor what glass was broken for. */
function lent(view: View, work: Work, taskId: TaskId): Facts | Unknown {
  const identityId = view.replica.get(taskTable, taskId)?.identityId
  if (identityId === undefined) return { unknown: 'thing' }
  const { facts } = factsOfWork(view, { ...work, identityId, taskId })
  if ('unknown' in facts) return facts
  const { watchedUntil: _, ...handed } = facts
  const isLent = (grant: Facts['grants'][number]) => !grant.budget && grant.facts['glass'] !== true
  return { ...handed, grants: facts.grants.filter(isLent) }
}

/** A person has said yes to exactly this call, and it was not made yet. */
function isAgreed({ replica, now }: View, hash: string): boolean {
  const asked = replica.by(requestTable, 'bodyHash', hash)
  return asked.some(({ kind, state, expiresAt }) => {
    return kind === 'call' && state === 'agreed' && expiresAt > now
  })
}

// ── who acts, and where ──

function principalOf(view: View, actor: Actor): Entity | undefined {
  const { replica } = view
  if (actor.kind === 'system') return entity('System', actor.id)
  if (actor.kind === 'identity') {
    const identity = replica.get(identityTable, actor.id)
    return identity && identityEntity(identity)
  }
  const row = replica.get(personTable, actor.id)
  if (row === undefined) return undefined
  const held = replica.by(holdTable, 'about', row.id).some(hold => hold.scope === 'person')
  return entity('Person', row.id, { roles: row.roles, living: row.state === 'living', held })
}

function identityEntity({ id, appId, role, state }: IdentityRow): Entity {
  return entity('Identity', id, { app: uid('App', appId), role, state })
}

function entity(type: string, id: string, attrs: JsonObject = {}): Entity {
  return { uid: uid(type, id), attrs: bare(attrs), parents: [] }
}

/** What belongs to an app. Later chapters' rows are read by their table's name: only whose they are. */
const owned: ReadonlySet<AboutType> = new Set(
  words('identity trustRule grant manifest task token lease offboarding'),
)
/** Actions that begin work. */
const openings: ReadonlySet<ActionName> = new Set(words('task.open token.exchange'))
/** Actions that change an app itself: not even our own sweeps do that to one nobody knows. */
const ofApps: ReadonlySet<ActionName> = new Set(
  words('app.extend app.transfer app.accept app.resume app.open app.serve manifest.set'),
)

function needsApp({ actor, action, about }: Asked): boolean {
  if (openings.has(action) || ofApps.has(action)) return true
  const isOwned = about.type === 'app' || owned.has(about.type)
  return isOwned && actor.kind !== 'system' && action !== 'app.make'
}

/** The app it is about. A row in memory is believed before a draft. */
function appOf({ replica }: View, { actor, about }: Asked): App | undefined {
  const { type, id, draft } = about
  const named = (appId: unknown) => replica.get(appTable, wordOf(appId))
  const ofIdentity = (id: unknown) => named(replica.get(identityTable, wordOf(id))?.appId)
  if (type === 'app') return named(id)
  if (type === 'hold') {
    const { scope, about: held } = replica.get(holdTable, id) ?? readHold(draft)
    return scope === 'app' ? named(held) : scope === 'identity' ? ofIdentity(held) : undefined
  }
  if (type !== 'request' && !owned.has(type)) return undefined
  const name = type === 'grant' ? data.grantTable.name : snakeCase(type)
  const row = replica.get({ name } as FactTable<FactRow & { appId: AppId | null }>, id)
  if (row !== undefined) return named(row.appId)
  const self = actor.kind === 'identity' ? actor.id : undefined
  return named(draft?.['appId']) ?? ofIdentity(draft?.['identityId'] ?? self)
}

/** No id is empty, so what is no text finds nothing. */
function wordOf(id: unknown): string {
  return typeof id === 'string' ? id : ''
}

/** A hold that is to be set. */
function readHold(draft: JsonObject | undefined): { scope: unknown; about: unknown } {
  return { scope: draft?.['scope'], about: draft?.['about'] ?? draft?.['appId'] }
}

// ── contexts ──

/** What every context begins with. */
function situation(view: View, concerned: Parameters<typeof heldBy>[1]) {
  const holds = heldBy(view.replica, concerned).length
  const mode = view.replica.all(installationTable)[0]?.mode ?? 'team'
  return { now: view.now, mode, ageMs: Math.ceil(view.ageMs), holds }
}

function changeOf(view: View, question: Asked, app: App | undefined): JsonObject {
  const { action, about } = question
  const common = {
    ...situation(view, [app?.id, dayOf(app), question.actor.id]),
    app: app && wholeApp(view, app),
    draft: readChange(view, about),
  }
  if (ofApps.has(action)) return bare(common)
  const finding = view.replica.get(findingTable, about.id)
  return bare({
    ...common,
    request: requestFacts(view, about.id),
    data: dataFacts(view, question),
    hold: holdFacts(view, about),
    findingOwner: person(finding?.ownerId),
    findingBy: person(finding?.details['by'] as PersonId | undefined),
    unreviewed: action === 'grant.break' ? unreviewedOf(view, question) : null,
  })
}

function openingOf(view: View, question: Asked, app: App): JsonObject {
  const draft = readOpening(view, question.about)
  const purposes = view.replica.by(data.manifestTable, 'appId', app.id)[0]?.purposes ?? []
  const behalf = question.about.draft?.['onBehalfOf']
  const person = typeof behalf === 'string' ? (behalf as App['ownerId']) : null
  const { actor } = question
  const issuer = question.about.draft?.['issuer']
  const concerned = [app.id, app.ownerId, person, issuer, dayOf(app), actor.id]
  return bare({
    ...situation(view, concerned),
    app: workingApp(view, app),
    purposeKnown: purposes.some(purpose => purpose.name === draft['purpose']),
    draft,
  })
}

/** How often this person broke the glass and nobody else has looked at it yet. */
function unreviewedOf({ replica }: View, { actor }: Asked): number {
  const open = replica.all(findingTable).filter(({ kind }) => kind === 'glass-broken')
  return open.filter(({ details }) => details['by'] === actor.id).length
}

// ── facts of things ──

function workingApp(view: View, app: App): JsonObject {
  return bare({
    ...pick(app, ['slug', 'orphanedAt', 'stage', 'state', 'endsAt']),
    id: uid('App', app.id),
    owner: person(app.ownerId),
    ownerLiving: lives(view, app.ownerId),
  })
}

function wholeApp(view: View, app: App): JsonObject {
  // An entry that a version before wrote has none.
  const openTo = (app as { openTo?: App['openTo'] }).openTo ?? []
  return bare({
    ...workingApp(view, app),
    ...pick(app, ['pausedBecause', 'dataClasses', 'madeAt', 'maxEndsAt']),
    backup: person(app.backupId),
    offeredTo: person(app.offeredTo),
    grants: view.replica.by(data.grantTable, 'appId', app.id).length,
    openTo: openTo.flatMap(id => (id === '*' ? [] : uid('Person', id))),
    openToAll: openTo.includes('*'),
  })
}

function taskFacts(view: View, task: TaskRow): JsonObject {
  const { onBehalfOf, autonomy } = task
  return bare({
    ...pick(task, ['purpose', 'kind', 'autonomy', 'touched', 'state', 'endsAt']),
    id: uid('Task', task.id),
    humanInLoop: autonomy === 'attended' && onBehalfOf !== null && lives(view, onBehalfOf),
    onBehalfOf: person(onBehalfOf),
  })
}

function resourceEntity(view: View, resource: data.ResourceRow): Entity {
  const target = view.replica.get(data.targetTable, resource.targetId)
  return entity('Resource', resource.id, {
    ...pick(resource, ['slug', 'dataClass']),
    sandbox: resource.isSandbox,
    // A target nobody knows counts as production, and as retired.
    production: target?.production ?? true,
    state: target?.state === 'active' ? resource.state : 'retired',
    target: uid('Target', resource.targetId),
    dataOwner: uid('Person', resource.dataOwnerId),
  })
}

function grantFacts(grant: data.GrantRow): JsonObject {
  return bare({
    ...pick(grant, ['roles', 'actions', 'unattended', 'state', 'endsAt']),
    app: uid('App', grant.appId),
    resource: uid('Resource', grant.resourceId),
    columns: grant.columns.length,
    glass: data.isGlass(grant) ? true : null,
  })
}

function requestFacts({ replica }: View, id: string): JsonObject | undefined {
  const request = replica.get(requestTable, id)
  if (request === undefined) return undefined
  return bare({
    ...pick(request, ['kind', 'state', 'quorum', 'ownAnswer']),
    // One of our sweeps is nobody of these people, and never the one who answers.
    askedBy: uid('Person', request.askedBy),
    approvers: request.approvers.map(each => uid('Person', each)),
  })
}

function dataFacts(view: View, { about: { type, id, draft } }: Asked): JsonObject | undefined {
  const grant = type === 'grant' ? view.replica.get(data.grantTable, id) : undefined
  const resourceId = grant?.resourceId ?? draft?.['resourceId']
  if (typeof resourceId !== 'string') return undefined
  const resource = view.replica.get(data.resourceTable, resourceId)
  if (resource === undefined) return undefined
  const { state: _, target: __, ...facts } = resourceEntity(view, resource).attrs
  const asked = draft?.['actions']
  return bare({
    ...facts,
    actions: grant?.actions ?? (Array.isArray(asked) ? asked.map(String) : []),
  })
}

function holdFacts({ replica }: View, { type, id, draft }: Asked['about']): JsonObject | undefined {
  const hold = replica.get(holdTable, id)
  const scope = hold?.scope ?? draft?.['scope']
  if (type !== 'hold' || typeof scope !== 'string') return undefined
  return bare({ scope, setBy: hold && person(replica.get(personTable, hold.setBy)?.id) })
}

/** What the manifest says that the purpose needs of this resource. */
function needed(view: View, task: TaskRow, resource: data.ResourceRow): ReadonlySet<DataAction> {
  const manifest = view.replica.by(data.manifestTable, 'appId', task.appId)[0]
  const needs = manifest?.purposes.find(each => each.name === task.purpose)?.needs ?? []
  return new Set(needs.flatMap(need => (need.resource === resource.slug ? need.actions : [])))
}
