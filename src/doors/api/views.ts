/**
 * What comes back: the shapes of things as people and programs see them, after the parts they and the
 * inputs are made of. Nothing beyond them is answered.
 */
import { z } from '@hono/zod-openapi'
import { appStates, dataClasses } from '../../core/app/rows.ts'
import { dataActions } from '../../core/base/permit.ts'
import { parseInstant } from '../../core/base/time.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'

export const text = z.string()
export const count = z.number()
export const flag = z.boolean()
export const slug = z.string().max(80)
export const words = z.string().min(1).max(500)
/** Name, e-mail or id of a person; `findPersonBy` reads it. */
export const personName = z.string().max(200)
export const action = z.enum(dataActions)
export const dataClass = z.enum(dataClasses)
export const role = z.enum(identityRoles)
export const details = z.record(z.string(), z.unknown())

/** RFC 3339, as somebody wrote it; read into an instant of ours. */
export const instantIn = z.string().transform((given, context) => {
  const instant = parseInstant(given)
  if (instant !== null) return instant
  context.addIssue({ code: 'custom', message: 'is not a date, as in 2026-12-04T17:00:00Z' })
  return z.NEVER
})

/** A list in an answer. */
export function list<S extends z.ZodType>(item: S) {
  return z.array(item).readonly()
}

/** What a route answers that lists things. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({ items: list(item), next: count.nullish() })
}

/** Members that have the same form, by name. */
export function each<S extends z.ZodType, N extends string>(form: S, ...names: N[]): Record<N, S> {
  return Object.fromEntries(names.map(name => [name, form])) as Record<N, S>
}

export const texts = list(text)
const actions = list(action)
export const maybe = text.nullable()
const instant = text

export const InstallationView = z.object({
  ...each(text, 'schema', 'product', 'version', 'name', 'trustDomain', 'issuer'),
  ...each(text, 'rootFingerprint', 'logOrigin', 'logKey'),
  mode: z.enum(['solo', 'team']),
})
export const KeyTableView = z.object(each(text, 'body', 'signature', 'rootFingerprint'))
export const PersonView = z.object({
  ...each(text, 'id', 'name'),
  roles: texts,
  state: z.enum(['living', 'left']),
  isLiving: flag,
  seenAt: instant,
})
export const Me = z.object({
  kind: z.enum(['person', 'identity']),
  person: PersonView.nullable(),
  identity: z.object({ ...each(text, 'id', 'spiffeId'), app: slug, role }).nullable(),
  task: z.object(each(text, 'id', 'shortId', 'purpose', 'endsAt')).nullable(),
  installation: InstallationView.pick({ name: true, trustDomain: true, mode: true }),
  /** Of a person: the end of the sign-in, until which the token can be renewed. */
  validUntil: instant,
  /** In a browser session: what every change carries as `x-leasehold-csrf`. With a token null. */
  csrf: maybe,
})
export const DenialView = z.object({
  ...each(text, 'decisionId', 'shortId', 'at', 'what', 'rule', 'says', 'wouldPassIf'),
  because: list(z.object({ ...each(text, 'fact', 'is', 'needs'), from: text.optional() })),
  /** `command` is the words after the program's name. */
  instead: list(z.object({ says: text, command: text.optional() })),
})
export const ProblemBody = z.object({
  ...each(text, 'type', 'title', 'code', 'detail', 'requestId'),
  ...each(text.optional(), 'next', 'field'),
  status: count,
  denial: DenialView.optional(),
})
export const AppRulesView = z.object({
  ...each(text, 'app', 'hash', 'schema', 'policies'),
  entities: z.array(z.object({ ...each(text, 'type', 'id'), properties: details })),
})
export const LeaseView = z.object({
  ...each(text, 'id', 'shortId', 'app', 'identity', 'task', 'resource', 'target', 'principal'),
  actions,
  state: z.enum(['intended', 'live', 'ending', 'gone']),
  outcome: z.enum(['verified-gone', 'revoked-unverified', 'never-made']).nullable(),
  contained: flag,
  term: count,
  ...each(instant, 'madeAt', 'termEndsAt', 'endsAt'),
  ...each(maybe, 'issuedAt', 'diesAt', 'endedAt', 'cause', 'because'),
})
const handle = z.object({
  connect: z.record(z.string(), z.union([z.string(), z.number()])),
  ...each(text, 'termEndsAt', 'endsAt'),
  diesAt: maybe,
})
export const IssuedLeaseView = z.object({
  lease: LeaseView,
  handle: z.discriminatedUnion('via', [
    /** The credential itself. */
    handle.extend({ via: z.literal('env'), secret: text }),
    /** What the lease's tunnel takes, and nothing else does. */
    handle.extend({ via: z.literal('proxy'), word: text }),
  ]),
})
export const GrantView = z.object({
  ...each(text, 'id', 'shortId', 'app', 'resource', 'madeAt', 'endsAt'),
  ...each(texts, 'roles', 'columns'),
  actions,
  columnsOf: count,
  state: z.enum(['live', 'resting', 'dropped', 'ended']),
  unattended: flag,
  /** `atMost`: what may be used, in words; null where that has no bound. */
  ...each(maybe, 'usedAt', 'atMost'),
})
export const RequestView = z.object({
  ...each(text, 'id', 'shortId', 'kind', 'askedBy', 'reason', 'bodyHash', 'madeAt', 'expiresAt'),
  state: z.enum(['open', 'agreed', 'denied', 'withdrawn', 'expired', 'used']),
  /** One plain sentence of what is asked, then what a yes gives, line by line. */
  says: text,
  ...each(texts, 'gives', 'approvers'),
  body: z.unknown(),
  quorum: count,
  answers: list(
    z.object({ ...each(text, 'person', 'at'), says: z.enum(['yes', 'no']), comment: maybe }),
  ),
  /** `made`: the grant, rule or bundle that came of it. */
  ...each(maybe, 'app', 'worst', 'closedAt', 'made'),
})
/** Who may use a resource now, in a task begun for this purpose. */
export const WhoView = z.object({
  ...each(text, 'app', 'identity', 'purpose', 'endsAt'),
  autonomy: z.enum(['attended', 'unattended']),
  actions,
})
export const AppView = z.object({
  ...each(text, 'id', 'slug', 'purpose', 'endTrigger', 'endsAt', 'maxEndsAt', 'madeAt'),
  owner: PersonView,
  backup: PersonView.nullable(),
  dataClasses: list(dataClass),
  stage: z.enum(['prototype', 'managed']),
  state: z.enum(appStates),
  /** One line for a person: what is going on; `next` is the command to run then. */
  says: text,
  /** Adopted, where it was made of what was found; null: made here. */
  ...each(maybe, 'origin', 'watchedUntil'),
  ...each(maybe, 'offeredTo', 'team', 'day', 'pausedBecause', 'endedAt', 'next'),
})
export const AppDetail = AppView.extend({
  identities: list(
    z.object({ ...each(text, 'id', 'spiffeId'), role, state: z.enum(['active', 'revoked']) }),
  ),
  /** What its folder was made from, as its manifest says. */
  template: maybe,
  /** Where its pages are opened, and who may beside owner and backup. */
  address: text,
  openTo: texts,
  trust: list(
    z.object({ ...each(text, 'id', 'preset', 'issuer', 'state'), role, claims: details }),
  ),
  purposes: list(
    z.object({ ...each(text, 'name', 'says'), needs: list(z.object({ resource: text, actions })) }),
  ),
  grants: list(GrantView),
  leases: list(LeaseView),
  requests: list(RequestView),
  holds: list(z.object(each(text, 'id', 'scope', 'reason'))),
  lastDenial: DenialView.nullable(),
})
/** Each check with its next step; of each grant what was used, which is what a successor is given. */
export const GraduationView = z.object({
  checks: list(z.object({ ...each(text, 'name', 'says', 'next'), ok: flag })),
  grants: list(z.object({ resource: text, granted: actions, used: actions })),
})
export const TaskView = z.object({
  ...each(text, 'id', 'shortId', 'app', 'identity', 'purpose', 'openedAt', 'endsAt'),
  kind: z.enum(['job', 'service']),
  autonomy: z.enum(['attended', 'unattended']),
  provenance: details,
  state: z.enum(['open', 'closed']),
  /** `worksFor`: the task whose rights bound it, where another handed it on. */
  ...each(maybe, 'onBehalfOf', 'worksFor', 'closedBecause', 'closedAt'),
  leases: list(LeaseView),
})
export const TargetView = z.object({
  ...each(text, 'id', 'slug', 'connector', 'address', 'owner', 'adminRotatedAt', 'adminEndsAt'),
  /** Nobody has seen the credential we use there: we made it ourselves. */
  isSheltered: flag,
  /** When it is made anew by itself because a person gave it; null where that never is. */
  anewAt: maybe,
  /** What became of the one that was used before. */
  before: z.enum(['refused', 'still-there', 'unknown']).optional(),
  production: flag,
  preflightState: z.enum(['never', 'passed', 'failed']),
  preflightAt: maybe,
  preflightSteps: list(z.object({ name: text, ok: flag, detail: text.optional() })).optional(),
})
/** A look at a whole target, now; `unseen`: what it was not shown, and what that needs. */
export const LookView = z.object({
  ...each(text, 'target', 'begunAt'),
  isOver: flag,
  things: count,
  unseen: texts,
})
export const ToolView = z.object({
  ...each(text, 'name', 'hash'),
  ...each(maybe, 'title', 'description'),
  isAgreed: flag,
  /** All that its server says of it: what `hash` is of, and what who agrees agrees to. */
  says: details,
})
export const ResourceView = z.object({
  ...each(text, 'id', 'slug', 'target', 'dataOwner'),
  dataClass,
  columns: list(z.object({ name: text, class: dataClass, hidden: flag })),
  isSandbox: flag,
  sandboxTwin: maybe,
})
export const PolicyView = z.object({
  hash: text,
  files: list(z.object(each(text, 'name', 'by', 'text'))),
})
export const PolicyCheckView = z.object({
  ...each(count, 'rules', 'cases'),
  failed: list(z.object(each(text, 'rule', 'name', 'expected', 'got'))),
})
export const DecisionView = z.object({
  ...each(text, 'id', 'shortId', 'at', 'what', 'bundle', 'record', 'hash'),
  app: maybe,
  allowed: flag,
  /** Watched: it went on, and `rules` and `denial` say what policy says to it. */
  effect: z.enum(['permit', 'deny', 'watched']),
  rules: texts,
  ...each(count, 'position', 'ageMs'),
  denial: DenialView.nullable(),
})
export const FindingView = z.object({
  ...each(text, 'id', 'shortId', 'kind', 'about', 'says', 'state', 'madeAt'),
  severity: z.enum(['low', 'medium', 'high']),
  details,
  ...each(maybe, 'owner', 'answer'),
})
/** A thing that was found at a target and is not ours. */
export const FoundView = z.object({
  ...each(text, 'id', 'shortId', 'target', 'kind', 'name', 'firstSeenAt'),
  state: z.enum(['found', 'claimed', 'watched', 'leased', 'paused', 'ending', 'revoked', 'gone']),
  /** Where its app is stopped: how far it is, at its own system. */
  stopped: maybe,
  /** Known is what an app answers for. */
  isKnown: flag,
  ...each(maybe, 'owner', 'app', 'creator'),
  ...each(maybe, 'madeAt', 'lastUsedAt', 'lastSeenAt', 'endsAt', 'goneAt'),
})
/** What is there: unknown, with nobody who answers for it, and without an end, of all that may be seen. */
export const FoundList = z.object({
  ...listOf(FoundView).shape,
  ...each(count, 'unknown', 'ownerless', 'neverEnding'),
})
export const HoldView = z.object({
  ...each(text, 'id', 'scope', 'about', 'reason', 'setBy', 'madeAt'),
  state: z.enum(['set', 'lifted']),
})
export const DoctorView = z.object({
  ok: flag,
  checks: list(z.object({ name: text, ok: flag, says: text, next: text.optional() })),
})
/** `show <anything>`: what an id, short id, slug or commit stands for. */
export const ThingView = z.object(each(text, 'type', 'id', 'path'))
export const PasskeyView = z.object(each(text, 'id', 'madeAt'))
/** For `navigator.credentials`: what a new passkey is made from, and what one that is there agrees by. */
export const PasskeyOffer = z.object({ options: details, proof: details.nullable() })
export const PasskeyOptions = z.object({ options: details.nullable() })
export const LinkView = z.object(each(text, 'url', 'expiresAt'))

export type PersonView = z.infer<typeof PersonView>
export type Me = z.infer<typeof Me>
export type DenialView = z.infer<typeof DenialView>
export type ProblemBody = z.infer<typeof ProblemBody>
export type LeaseView = z.infer<typeof LeaseView>
export type IssuedLeaseView = z.infer<typeof IssuedLeaseView>
export type GrantView = z.infer<typeof GrantView>
export type RequestView = z.infer<typeof RequestView>
export type AppView = z.infer<typeof AppView>
export type WhoView = z.infer<typeof WhoView>
export type AppDetail = z.infer<typeof AppDetail>
export type GraduationView = z.infer<typeof GraduationView>
export type TaskView = z.infer<typeof TaskView>
export type TargetView = z.infer<typeof TargetView>
export type LookView = z.infer<typeof LookView>
export type ToolView = z.infer<typeof ToolView>
export type ResourceView = z.infer<typeof ResourceView>
export type PolicyCheckView = z.infer<typeof PolicyCheckView>
export type DecisionView = z.infer<typeof DecisionView>
export type FindingView = z.infer<typeof FindingView>
export type FoundView = z.infer<typeof FoundView>
export type FoundList = z.infer<typeof FoundList>
export type HoldView = z.infer<typeof HoldView>
export type InstallationView = z.infer<typeof InstallationView>
export type KeyTableView = z.infer<typeof KeyTableView>
export type DoctorView = z.infer<typeof DoctorView>
export type PasskeyView = z.infer<typeof PasskeyView>
export type PasskeyOffer = z.infer<typeof PasskeyOffer>
export type PasskeyOptions = z.infer<typeof PasskeyOptions>
export type ThingView = z.infer<typeof ThingView>
