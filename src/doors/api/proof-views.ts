/** What comes back about ends, traces, the log and replays: what people check us by. */
import { z } from '@hono/zod-openapi'
import { hopShape } from '../../life/trace/trace.ts'
import { count, details, each, flag, KeyTableView, list, maybe, text, texts } from './views.ts'

export type { Hop } from '../../life/trace/trace.ts'

const yesOrNo = z.enum(['yes', 'no', 'watched'])

// biome-ignore format: a list of names
export const EndState = z.enum([
  'verified-gone', 'transferred', 'kept', 'revoked-unverified', 'manual-attested', 'unreachable',
  'still-there', 'to-do',
])
export const PlanItem = z.object({
  order: count,
  ...each(text, 'kind', 'id', 'name', 'system'),
  state: EndState,
  paths: texts,
  ...each(maybe, 'because', 'at'),
})
export const OffboardingView = z.object({
  app: text,
  state: z.enum(['planned', 'running', 'not-green', 'verified-gone']),
  planHash: text,
  items: list(PlanItem),
  ...each(count, 'green', 'of', 'rechecks'),
  systems: list(z.object({ name: text, looked: flag, paths: texts, because: maybe })),
  ...each(maybe, 'nextTryAt', 'certifiedAt'),
})
/** What is not proven gone; `turn` is whose it is to see to it, by the clock. */
export const ResidualView = z.object({
  ...each(text, 'app', 'system', 'name', 'sinceAt'),
  state: EndState,
  turn: z.enum(['owner', 'backup', 'platform', 'security']),
})
/** Who said that something is gone, by which file (its SHA-256), and until when that counts. */
export const EvidenceView = z.object(
  each(text, 'itemKind', 'itemId', 'system', 'by', 'fileHash', 'recheckAt', 'madeAt'),
)
/** The file people keep: a DSSE envelope with its log proof and the signed key table beside it. */
export const CertificateFile = z.object({
  ...each(text, 'schema', 'payloadType', 'payload'),
  signatures: list(z.object(each(text, 'keyid', 'sig'))),
  entry: z.object(each(text, 'leaf', 'facts', 'factsSalt')),
  /** C2SP tlog-proof of the entry that carries the payload's hash. */
  tlogProof: text,
  /** The root key itself is in the body; its fingerprint is what a verifier pins. */
  keys: KeyTableView,
})
export const TraceView = z.object({
  about: text,
  app: maybe,
  hops: list(hopShape),
  ...each(count, 'proven', 'asserted', 'missing'),
})
export const LogEntryView = z.object({
  position: count,
  ...each(text, 'at', 'kind', 'says', 'actor', 'actorName'),
  subjects: list(z.object({ ...each(text, 'type', 'id', 'name'), version: count })),
  facts: details,
  words: z.record(z.string(), z.string()).nullable(),
  erased: flag,
})
/** `next` is the position to read on after, or back before. */
export const LogPage = z.object({
  entries: list(LogEntryView),
  next: count.nullable(),
  size: count,
})
/** Entries that came from `at` until before `until`, between two positions; `denied`: decisions that said no. */
export const CountView = z.object({
  ...each(text, 'at', 'until'),
  ...each(count, 'entries', 'denied', 'from', 'to'),
})
/** Of the stream: what is in `data` of an event is a list of these. */
export const StreamEntry = z.object({ position: count, kind: text, subjects: texts })
const Proof = z.object({ path: texts, checkpoint: text })
export const ProofView = Proof.extend({ ...each(count, 'position', 'size'), leaf: text })
export const ConsistencyView = Proof.extend(each(count, 'from', 'to'))
export const LogCheckView = z.object({
  ...each(count, 'entries', 'checkpoints'),
  root: text,
  verified: flag,
  faults: texts,
})
export const ReplayView = z.object({
  ...each(count, 'decisions', 'identical'),
  /** False where more was recorded than is played at once: then these are the oldest. */
  isAll: flag,
  bundle: text,
  changed: list(
    z.object({
      ...each(text, 'decisionId', 'shortId', 'what', 'rule', 'at'),
      ...each(yesOrNo, 'from', 'to'),
      line: count.nullable(),
      stopped: maybe,
    }),
  ),
})
export type PlanItem = z.infer<typeof PlanItem>
export type OffboardingView = z.infer<typeof OffboardingView>
export type EvidenceView = z.infer<typeof EvidenceView>
export type ResidualView = z.infer<typeof ResidualView>
export type CertificateFile = z.infer<typeof CertificateFile>
export type TraceView = z.infer<typeof TraceView>
export type LogEntryView = z.infer<typeof LogEntryView>
export type StreamEntry = z.infer<typeof StreamEntry>
export type CountView = z.infer<typeof CountView>
export type LogPage = z.infer<typeof LogPage>
export type ConsistencyView = z.infer<typeof ConsistencyView>
export type LogCheckView = z.infer<typeof LogCheckView>
export type ReplayView = z.infer<typeof ReplayView>
