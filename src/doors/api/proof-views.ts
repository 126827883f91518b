/** What comes back about ends, traces, the log and replays: what people check us by. */
import { z } from '@hono/zod-openapi'
import { id, instant, slug } from './parts.ts'

export const EndState = z.enum([
  'verified-gone',
  'transferred',
  'kept',
  'revoked-unverified',
  'manual-attested',
  'unreachable',
  'still-there',
  'to-do',
])
export const PlanItem = z.object({
  order: z.number(),
  kind: z.string(),
  id,
  name: z.string(),
  system: z.string(),
  state: EndState,
  paths: z.array(z.string()),
  because: z.string().nullable(),
  at: instant.nullable(),
})
export const OffboardingView = z.object({
  app: slug,
  state: z.enum(['planned', 'running', 'not-green', 'verified-gone']),
  planHash: z.string(),
  items: z.array(PlanItem),
  green: z.number(),
  of: z.number(),
  systems: z.array(
    z.object({
      name: z.string(),
      looked: z.boolean(),
      paths: z.array(z.string()),
      because: z.string().nullable(),
    }),
  ),
  nextTryAt: instant.nullable(),
  certifiedAt: instant.nullable(),
  rechecks: z.number(),
})
/** The file people keep: a DSSE envelope with its log proof and the signed key table beside it. */
export const CertificateFile = z.object({
  payloadType: z.string(),
  payload: z.string(),
  signatures: z.array(z.object({ keyid: z.string(), sig: z.string() })),
  /** C2SP tlog-proof of the entry that carries the payload's hash. */
  tlogProof: z.string(),
  entry: z.object({ leaf: z.string(), facts: z.string(), factsSalt: z.string() }),
  /** The root key itself is in the body; its fingerprint is what a verifier pins. */
  keys: z.object({ body: z.string(), signature: z.string(), rootFingerprint: z.string() }),
  schema: z.string(),
})
export const Hop = z.object({
  hop: z.enum(['commit', 'run', 'attestation', 'decision', 'token', 'lease', 'use', 'end']),
  name: z.string(),
  what: z.string(),
  at: instant.nullable(),
  state: z.enum(['proven', 'asserted', 'missing']),
  by: z.string(),
  entry: z.number().nullable(),
  id: id.nullable(),
})
export const TraceView = z.object({
  about: z.string(),
  app: slug.nullable(),
  hops: z.array(Hop),
  proven: z.number(),
  asserted: z.number(),
  missing: z.number(),
})
export const LogEntryView = z.object({
  position: z.number(),
  at: instant,
  kind: z.string(),
  says: z.string(),
  actor: z.string(),
  actorName: z.string(),
  subjects: z.array(z.object({ type: z.string(), id, version: z.number(), name: z.string() })),
  facts: z.record(z.string(), z.unknown()),
  words: z.record(z.string(), z.string()).nullable(),
  erased: z.boolean(),
})
export const LogPage = z.object({
  entries: z.array(LogEntryView),
  next: z.number().nullable(),
  size: z.number(),
})
export const ProofView = z.object({
  position: z.number(),
  leaf: z.string(),
  size: z.number(),
  path: z.array(z.string()),
  checkpoint: z.string(),
})
export const ConsistencyView = z.object({
  from: z.number(),
  to: z.number(),
  path: z.array(z.string()),
  checkpoint: z.string(),
})
export const LogCheckView = z.object({
  entries: z.number(),
  root: z.string(),
  verified: z.boolean(),
  checkpoints: z.number(),
  faults: z.array(z.string()),
})
export const ReplayView = z.object({
  decisions: z.number(),
  identical: z.number(),
  bundle: z.string(),
  changed: z.array(
    z.object({
      decisionId: id,
      shortId: z.string(),
      what: z.string(),
      from: z.enum(['yes', 'no']),
      to: z.enum(['yes', 'no']),
      rule: z.string(),
      line: z.number().nullable(),
      at: instant,
      stopped: z.string().nullable(),
    }),
  ),
})
export type EndState = z.infer<typeof EndState>
export type PlanItem = z.infer<typeof PlanItem>
export type OffboardingView = z.infer<typeof OffboardingView>
export type CertificateFile = z.infer<typeof CertificateFile>
export type Hop = z.infer<typeof Hop>
export type TraceView = z.infer<typeof TraceView>
export type LogEntryView = z.infer<typeof LogEntryView>
export type LogPage = z.infer<typeof LogPage>
export type ProofView = z.infer<typeof ProofView>
export type ConsistencyView = z.infer<typeof ConsistencyView>
export type LogCheckView = z.infer<typeof LogCheckView>
export type ReplayView = z.infer<typeof ReplayView>
