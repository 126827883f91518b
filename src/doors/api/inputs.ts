/** What callers send. Strict: an unknown member is refused. Instants are RFC 3339 in UTC. */
import { z } from '@hono/zod-openapi'
import { action, dataClass, instant, role, slug, words } from './parts.ts'

export const MakeApp = z.strictObject({
  slug,
  purpose: words,
  /** Person id or name of the backup; in solo mode left out. */
  backup: z.string().max(200).optional(),
  team: z.string().max(80).optional(),
  dataClasses: z.array(dataClass).max(5).default(['internal']),
  endsAt: instant.optional(),
  days: z.number().int().min(1).max(365).optional(),
  roles: z.array(role).max(5).optional(),
})
export const ExtendApp = z.strictObject({
  endsAt: instant.optional(),
  days: z.number().int().min(1).max(365).optional(),
})
export const TransferApp = z.strictObject({ to: z.string().max(200) })
export const WithReason = z.strictObject({ reason: words })
/** Without `planHash` nothing is done: the answer is the plan. With it, exactly that plan is carried out. */
export const EndApp = z.strictObject({ planHash: z.string().optional(), reason: words.optional() })
export const SetManifest = z.strictObject({ yaml: z.string().max(32_768) })
export const AddTrust = z.strictObject({
  role,
  preset: z.enum(['github', 'person']),
  issuer: z.string().max(300).optional(),
  claims: z.record(
    z.string().max(80),
    z.union([z.string().max(300), z.array(z.string().max(300)).max(20)]),
  ),
  reason: words,
})
export const Ask = z.strictObject({
  app: slug,
  resource: slug,
  actions: z.array(action).min(1).max(6),
  roles: z.array(role).min(1).max(5).default(['run']),
  columns: z.array(z.string().max(63)).max(200).optional(),
  unattended: z.boolean().default(false),
  endsAt: instant.optional(),
  reason: words,
})
/** `bodyHash` is the hash of what the answerer was shown; another body is refused. */
export const Answer = z.strictObject({
  says: z.enum(['yes', 'no']),
  bodyHash: z.string(),
  comment: words.optional(),
})
export const ConnectTarget = z.strictObject({
  slug,
  connector: z.string().max(40),
  config: z.record(z.string(), z.unknown()),
  production: z.boolean(),
  adminEndsAt: instant.optional(),
})
export const DefineResource = z.strictObject({
  slug,
  target: slug,
  object: z.record(z.string(), z.unknown()),
  columns: z
    .array(
      z.strictObject({
        name: z.string().max(63),
        class: dataClass,
        hidden: z.boolean().default(false),
      }),
    )
    .max(200),
  dataClass,
  dataOwner: z.string().max(200),
  isSandbox: z.boolean().default(false),
  sandboxTwin: slug.optional(),
})
export const AskLease = z.strictObject({
  resource: slug,
  actions: z.array(action).min(1).max(6),
  via: z.literal('env'),
  termSeconds: z.number().int().min(30).max(3600).optional(),
})
export const SayUse = z.strictObject({ rows: z.number().int().min(0), action })
export const SetHold = z.strictObject({
  scope: z.enum(['app', 'person', 'identity', 'everything']),
  about: z.string().max(200).optional(),
  reason: words,
})
export const PolicyText = z.strictObject({ text: z.string().max(65_536), reason: words.optional() })
export const AnswerFinding = z.strictObject({ answer: words })
export const Erase = z.strictObject({ person: z.string().max(200) })
export const RotateKey = z.strictObject({
  use: z.enum(['ledger', 'certificate', 'token', 'lease']),
})

export type MakeApp = z.input<typeof MakeApp>
export type Ask = z.input<typeof Ask>
export type AddTrust = z.input<typeof AddTrust>
export type AskLease = z.input<typeof AskLease>
export type ConnectTarget = z.input<typeof ConnectTarget>
export type DefineResource = z.input<typeof DefineResource>
export type SetHold = z.input<typeof SetHold>
