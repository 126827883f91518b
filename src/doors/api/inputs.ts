/** What callers send. Strict: an unknown member is refused. Instants are RFC 3339 in UTC. */

import { z } from '@hono/zod-openapi'
import { appStates } from '../../core/app/rows.ts'
import { budgetShape } from '../../core/grant/body.ts'
import { roles } from '../../core/people/person.ts'
import { bounds as ruleBounds } from '../../life/app-rules/bounds.ts'
import { bounds } from './bounds.ts'
import { action, dataClass, details, instantIn, personName, role, slug, words } from './views.ts'

const days = z.number().int().min(1).max(365)
const hash = z.string().max(64)
const column = z.string().max(63)
const configuration = z.record(z.string(), z.unknown())

export const MakeApp = z.strictObject({
  slug,
  purpose: words,
  /** In solo mode left out. */
  backup: personName.optional(),
  team: z.string().max(80).optional(),
  /** The organised build day it is for. */
  day: slug.optional(),
  dataClasses: z.array(dataClass).max(5).default(['internal']),
  endsAt: instantIn.optional(),
  days: days.optional(),
  roles: z.array(role).max(5).optional(),
})
/** Into an app of who claimed it; one that is not there yet is made, and may be watched at first. */
export const Adopt = MakeApp.omit({ slug: true, purpose: true, roles: true, day: true }).extend({
  app: slug,
  purpose: words.optional(),
  watchDays: days.optional(),
})
/** Another person agrees; at its adoption an app may be watched without. */
export const WatchApp = z.strictObject({ days, reason: words })
export const ExtendApp = z.strictObject({ endsAt: instantIn.optional(), days: days.optional() })
/** `keep`: by resource, why what was not used of it is asked for all the same. */
export const Graduate = z.strictObject({
  to: personName,
  backup: personName.optional(),
  team: slug,
  slug: slug.optional(),
  days: days.default(180),
  keep: z.record(slug, words).default({}),
  reason: words,
})
/** Who may open its pages from now on, beside owner and backup. */
export const ShareApp = z.strictObject({ people: z.array(personName).max(100) })
export const TransferApp = z.strictObject({ to: personName })
/** Without a backup the one there stays; a backup who takes over names another. */
export const AcceptApp = z.strictObject({ backup: personName.optional() })
export const NameBackup = z.strictObject({ backup: personName })
/** All the person's roles from now on. */
export const SetRoles = z.strictObject({ roles: z.array(z.enum(roles)).max(roles.length) })
export const WithReason = z.strictObject({ reason: words })
/** Without `planHash` nothing is done: the answer is the plan. With it, exactly that plan is carried out. */
export const EndApp = z.strictObject({ planHash: hash.optional(), reason: words.optional() })
/** `item`: the name or id of a thing of the plan; `fileHash`: the SHA-256 of a file that was sent before. */
export const GiveEvidence = z.strictObject({
  item: z.string().min(1).max(200),
  system: slug.optional(),
  fileHash: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex'),
  says: words,
  recheckAt: instantIn.optional(),
})
export const SetManifest = z.strictObject({ yaml: z.string().max(32_768) })
/** Cedar; `entities` are users and things the rules know by name, with facts nobody else can say. */
export const SetAppRules = z.strictObject({
  schema: z.string().max(ruleBounds.textChars),
  policies: z.string().max(ruleBounds.textChars),
  entities: z
    .array(
      z.strictObject({
        type: z.string().min(1).max(ruleBounds.nameChars),
        id: z.string().min(1).max(ruleBounds.nameChars),
        properties: z.record(z.string().max(80), z.unknown()).default({}),
      }),
    )
    .max(ruleBounds.entities)
    .default([]),
})
export const AddTrust = z.strictObject({
  role,
  preset: z.enum(['github', 'gitlab', 'kubernetes', 'spiffe', 'person']),
  issuer: z.string().max(300).optional(),
  claims: z.record(
    z.string().max(80),
    z.union([z.string().max(300), z.array(z.string().max(300)).max(20)]),
  ),
  reason: words,
})
/** What is to be used, and how. */
const use = { resource: slug, actions: z.array(action).min(1).max(6) }
export const BreakGlass = z.strictObject({ app: slug, ...use, reason: words })
export const Ask = z.strictObject({
  app: slug,
  ...use,
  roles: z.array(role).min(1).max(5).default(['run']),
  columns: z.array(column).max(200).optional(),
  unattended: z.boolean().default(false),
  /** The most that may be used in one task or one day (UTC). */
  budget: budgetShape.optional(),
  endsAt: instantIn.optional(),
  reason: words,
})
/** What a browser answers of a passkey, as WebAuthn Level 3 §5.1 writes it in JSON. */
const webAuthn = details.refine(
  given => JSON.stringify(given).length <= bounds.passkeyBytes,
  'is larger than any passkey',
)
export const AddPasskey = z.strictObject({ response: webAuthn, proof: webAuthn.optional() })
/** `bodyHash` is the hash of what the answerer was shown; another body is refused. */
export const Answer = z.strictObject({
  says: z.enum(['yes', 'no']),
  bodyHash: hash,
  comment: words.optional(),
  /** Of who has a passkey: what it answered to `/passkey` of this request. */
  passkey: webAuthn.optional(),
})
export const ConnectTarget = z.strictObject({
  slug,
  connector: z.string().max(40),
  config: configuration,
  production: z.boolean(),
  /** Others sign in with this credential too: it is not made anew by itself. */
  shared: z.boolean().default(false),
  adminEndsAt: instantIn.optional(),
})
export const DefineResource = z.strictObject({
  slug,
  target: slug,
  object: configuration,
  columns: z
    .array(z.strictObject({ name: column, class: dataClass, hidden: z.boolean().default(false) }))
    .max(200),
  dataClass,
  dataOwner: personName,
  isSandbox: z.boolean().default(false),
  sandboxTwin: slug.optional(),
})
export const AskLease = z.strictObject({
  ...use,
  /** Left out: `proxy` where the target has a gateway. */
  via: z.enum(['proxy', 'env']).optional(),
  termSeconds: z.number().int().min(30).max(3600).optional(),
})
export const SayUse = z.strictObject({ rows: z.number().int().min(0), action })
export const SetHold = z.strictObject({
  scope: z.enum(['app', 'person', 'identity', 'task', 'tool', 'issuer', 'day', 'everything']),
  /** Of a tool, `target/name`; of an issuer, its address; of a day, its name. */
  about: personName.optional(),
  reason: words,
})
export const PolicyText = z.strictObject({ text: z.string().max(65_536), reason: words.optional() })
export const AnswerFinding = z.strictObject({ answer: words })
export const Erase = z.strictObject({ person: personName })
/** The active key of this use is retired; `keyId` says which one that was, so that a retry is one rotation. */
export const RotateKey = z.strictObject({
  use: z.enum(['ledger', 'certificate', 'token', 'lease']),
  keyId: z.string().max(40).optional(),
  because: z.enum(['schedule', 'compromise']).default('schedule'),
})

const number = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number)
/** Where a list is read on: the `next` of the page before. */
const page = { skip: number.optional() }
/** Whom a name, an e-mail address or an id stands for; without it everybody. */
export const OfPeople = z.object({ named: personName.optional() })
export const OfApp = z.object({ app: slug.optional() })
export const OfOneApp = z.object({ app: slug })
const isSet = z.enum(['true', 'false']).optional()
/**
 * `template`: `web`, `web@1.0.0`, or with `<` those before it. `mine`: who asks answers for them, or is asked
 * to. `soonest`: living ones, who ends next first.
 */
export const OfApps = z.object({
  ...page,
  mine: isSet,
  soonest: isSet,
  state: z.enum(appStates).optional(),
  day: slug.optional(),
  template: slug.optional(),
})
/** `since`: first seen after it. */
export const OfFound = z.object({ ...page, target: slug.optional(), since: instantIn.optional() })
export const OfRequests = OfApp.extend({ state: z.string().max(20).optional() })
export const OfLeases = OfApp.extend({ ...page, open: isSet })
/** `after` reads on, oldest first; otherwise newest first, and `before` reads back. */
export const OfLog = z.object({
  subject: z.string().max(80).optional(),
  kind: z.string().max(60).optional(),
  after: number.optional(),
  before: number.optional(),
  limit: number.optional(),
})
export const OfCounts = OfLog.pick({ subject: true, kind: true })
/** What was told last; `Last-Event-ID` says the same. */
export const OfStream = z.object({ after: number.optional() })
export const OfProof = z.object({ position: number, size: number.optional() })
export const OfConsistency = z.object({ from: number, to: number.optional() })

export type MakeApp = z.input<typeof MakeApp>
export type Ask = z.input<typeof Ask>
export type AddTrust = z.input<typeof AddTrust>
