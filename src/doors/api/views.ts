/** What comes back: the shapes of things as people and programs see them. */
import { z } from '@hono/zod-openapi'
import { action, dataClass, id, instant, role, slug } from './parts.ts'

export const PersonView = z.object({
  id,
  name: z.string(),
  roles: z.array(z.string()),
  state: z.enum(['living', 'left']),
  isLiving: z.boolean(),
  seenAt: instant,
})
export const Me = z.object({
  kind: z.enum(['person', 'identity']),
  person: PersonView.nullable(),
  identity: z.object({ id, spiffeId: z.string(), app: slug, role }).nullable(),
  task: z.object({ id, shortId: z.string(), purpose: z.string(), endsAt: instant }).nullable(),
  installation: z.object({
    name: z.string(),
    trustDomain: z.string(),
    mode: z.enum(['solo', 'team']),
  }),
  validUntil: instant,
})
export const DenialView = z.object({
  decisionId: id,
  shortId: z.string(),
  at: instant,
  what: z.string(),
  rule: z.string(),
  says: z.string(),
  because: z.array(
    z.object({ fact: z.string(), is: z.string(), needs: z.string(), from: z.string().optional() }),
  ),
  wouldPassIf: z.string(),
  instead: z.array(z.object({ says: z.string(), command: z.string().optional() })),
})
export const ProblemBody = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
  detail: z.string(),
  next: z.string().optional(),
  field: z.string().optional(),
  requestId: z.string(),
  denial: DenialView.optional(),
})
export const LeaseView = z.object({
  id,
  shortId: z.string(),
  app: slug,
  identity: z.string(),
  task: z.string(),
  resource: slug,
  target: slug,
  actions: z.array(action),
  principal: z.string(),
  state: z.enum(['intended', 'live', 'ending', 'gone']),
  outcome: z.enum(['verified-gone', 'revoked-unverified', 'never-made']).nullable(),
  contained: z.boolean(),
  cause: z.string().nullable(),
  term: z.number(),
  madeAt: instant,
  issuedAt: instant.nullable(),
  termEndsAt: instant,
  endsAt: instant,
  diesAt: instant.nullable(),
  endedAt: instant.nullable(),
  because: z.string().nullable(),
})
export const IssuedLeaseView = z.object({
  lease: LeaseView,
  handle: z.object({
    via: z.literal('env'),
    connect: z.record(z.string(), z.union([z.string(), z.number()])),
    secret: z.string(),
    termEndsAt: instant,
    endsAt: instant,
    diesAt: instant.nullable(),
  }),
})
export const GrantView = z.object({
  id,
  shortId: z.string(),
  app: slug,
  resource: slug,
  roles: z.array(z.string()),
  actions: z.array(action),
  columns: z.array(z.string()),
  columnsOf: z.number(),
  state: z.enum(['live', 'dropped', 'ended']),
  unattended: z.boolean(),
  madeAt: instant,
  endsAt: instant,
  usedAt: instant.nullable(),
})
export const RequestView = z.object({
  id,
  shortId: z.string(),
  kind: z.string(),
  app: slug.nullable(),
  askedBy: z.string(),
  reason: z.string(),
  state: z.enum(['open', 'agreed', 'denied', 'withdrawn', 'expired']),
  /** One plain sentence of what is asked, then what a yes gives, line by line. */
  says: z.string(),
  gives: z.array(z.string()),
  worst: z.string().nullable(),
  body: z.unknown(),
  bodyHash: z.string(),
  approvers: z.array(z.string()),
  quorum: z.number(),
  answers: z.array(
    z.object({
      person: z.string(),
      says: z.enum(['yes', 'no']),
      at: instant,
      comment: z.string().nullable(),
    }),
  ),
  madeAt: instant,
  expiresAt: instant,
  closedAt: instant.nullable(),
  /** The grant, rule or bundle that came of it. */
  made: z.string().nullable(),
})
export const AppView = z.object({
  id,
  slug,
  purpose: z.string(),
  owner: PersonView,
  backup: PersonView.nullable(),
  offeredTo: z.string().nullable(),
  team: z.string().nullable(),
  dataClasses: z.array(dataClass),
  stage: z.enum(['prototype', 'managed']),
  state: z.enum(['draft', 'active', 'paused', 'ending', 'ended', 'graduated']),
  pausedBecause: z.string().nullable(),
  endTrigger: z.string(),
  endsAt: instant,
  maxEndsAt: instant,
  madeAt: instant,
  endedAt: instant.nullable(),
  /** One line for a person: what is going on and the command to run next. */
  says: z.string(),
  next: z.string().nullable(),
})
export const AppDetail = AppView.extend({
  identities: z.array(
    z.object({ id, role, spiffeId: z.string(), state: z.enum(['active', 'revoked']) }),
  ),
  trust: z.array(
    z.object({
      id,
      role,
      preset: z.string(),
      issuer: z.string(),
      claims: z.record(z.string(), z.unknown()),
      state: z.string(),
    }),
  ),
  purposes: z.array(z.object({ name: z.string(), says: z.string() })),
  grants: z.array(GrantView),
  leases: z.array(LeaseView),
  requests: z.array(RequestView),
  holds: z.array(z.object({ id, scope: z.string(), reason: z.string() })),
  lastDenial: DenialView.nullable(),
})
export const TaskView = z.object({
  id,
  shortId: z.string(),
  app: slug,
  identity: z.string(),
  kind: z.enum(['job', 'service']),
  purpose: z.string(),
  autonomy: z.enum(['attended', 'unattended']),
  onBehalfOf: z.string().nullable(),
  provenance: z.record(z.string(), z.unknown()),
  state: z.enum(['open', 'closed']),
  closedBecause: z.string().nullable(),
  openedAt: instant,
  endsAt: instant,
  closedAt: instant.nullable(),
  leases: z.array(LeaseView),
})
export const TargetView = z.object({
  id,
  slug,
  connector: z.string(),
  address: z.string(),
  production: z.boolean(),
  owner: z.string(),
  adminEndsAt: instant,
  preflightState: z.enum(['never', 'passed', 'failed']),
  preflightAt: instant.nullable(),
  preflightSteps: z
    .array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string().optional() }))
    .optional(),
})
export const ResourceView = z.object({
  id,
  slug,
  target: slug,
  dataClass,
  dataOwner: z.string(),
  columns: z.array(z.object({ name: z.string(), class: dataClass, hidden: z.boolean() })),
  isSandbox: z.boolean(),
  sandboxTwin: slug.nullable(),
})
export const PolicyCheckView = z.object({
  rules: z.number(),
  cases: z.number(),
  failed: z.array(
    z.object({ rule: z.string(), name: z.string(), expected: z.string(), got: z.string() }),
  ),
})
export const DecisionView = z.object({
  id,
  shortId: z.string(),
  at: instant,
  app: slug.nullable(),
  what: z.string(),
  allowed: z.boolean(),
  rules: z.array(z.string()),
  bundle: z.string(),
  position: z.number(),
  ageMs: z.number(),
  denial: DenialView.nullable(),
  record: z.string(),
  hash: z.string(),
})
export const FindingView = z.object({
  id,
  shortId: z.string(),
  kind: z.string(),
  severity: z.enum(['low', 'medium', 'high']),
  about: z.string(),
  owner: z.string().nullable(),
  says: z.string(),
  details: z.record(z.string(), z.unknown()),
  state: z.string(),
  answer: z.string().nullable(),
  madeAt: instant,
})
export const HoldView = z.object({
  id,
  scope: z.string(),
  about: z.string(),
  reason: z.string(),
  setBy: z.string(),
  state: z.enum(['set', 'lifted']),
  madeAt: instant,
})
export const InstallationView = z.object({
  schema: z.string(),
  product: z.string(),
  version: z.string(),
  name: z.string(),
  trustDomain: z.string(),
  mode: z.enum(['solo', 'team']),
  issuer: z.string(),
  rootFingerprint: z.string(),
  logOrigin: z.string(),
  logKey: z.string(),
})
export const KeyTableView = z.object({
  body: z.string(),
  signature: z.string(),
  rootFingerprint: z.string(),
})
export const DoctorView = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({ name: z.string(), ok: z.boolean(), says: z.string(), next: z.string().optional() }),
  ),
})
/** `show <anything>`: what an id, short id, slug or commit stands for. */
export const ThingView = z.object({ type: z.string(), id, path: z.string() })

export type PersonView = z.infer<typeof PersonView>
export type Me = z.infer<typeof Me>
export type DenialView = z.infer<typeof DenialView>
export type ProblemBody = z.infer<typeof ProblemBody>
export type LeaseView = z.infer<typeof LeaseView>
export type IssuedLeaseView = z.infer<typeof IssuedLeaseView>
export type GrantView = z.infer<typeof GrantView>
export type RequestView = z.infer<typeof RequestView>
export type AppView = z.infer<typeof AppView>
export type AppDetail = z.infer<typeof AppDetail>
export type TaskView = z.infer<typeof TaskView>
export type TargetView = z.infer<typeof TargetView>
export type ResourceView = z.infer<typeof ResourceView>
export type PolicyCheckView = z.infer<typeof PolicyCheckView>
export type DecisionView = z.infer<typeof DecisionView>
export type FindingView = z.infer<typeof FindingView>
export type HoldView = z.infer<typeof HoldView>
export type InstallationView = z.infer<typeof InstallationView>
export type KeyTableView = z.infer<typeof KeyTableView>
export type DoctorView = z.infer<typeof DoctorView>
export type ThingView = z.infer<typeof ThingView>
