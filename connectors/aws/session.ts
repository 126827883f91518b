/**
 * The life of a lease: one session of its grant's role, named as the lease. AWS makes it, and lets it die
 * after an hour; what it may do, it may until an instant that its own policy holds.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { parseJson } from '../../src/core/base/json.ts'
import { addSeconds, type Instant, parseInstant } from '../../src/core/base/time.ts'
import type { EndOrder, Issued, IssueOrder } from '../../src/core/target/target.ts'
import { over, requireTime } from '../rest/cloud.ts'
import { requireNames } from '../rest/names.ts'
import { type Account, type Session, sessionOf } from './account.ts'
import { addressesOf, page, parseObject } from './config.ts'
import type { Ends } from './ends.ts'
import { readRole } from './holder.ts'
import { lifeSeconds, marginSeconds, type Rights, rightsOf, sessionPolicy } from './policy.ts'
import { inTime, isCode, no, refused, unavailable } from './trouble.ts'

/** AWS knows a new role, and a new session, a moment later. */
const bounds = { tries: 10, restMs: 700 }
const unknownYet = `Try again: AWS knows a new role after some seconds. If it stays so, we lack \`sts:AssumeRole\`, or it lacks our issuer: ${page}.`
const untaken = `Try again. What it hangs on, our clock among it: ${page}.`

/** As AWS's tools take it from a program (`credential_process`). */
const secretShape = z.strictObject({
  Version: z.literal(1),
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  SessionToken: z.string().min(1),
  Expiration: z.string(),
})

/** Null where it is none: derived by us, because AWS's own was never confirmed. */
export function readSecret(secret: string | null): (Session & { readonly diesAt: Instant }) | null {
  if (secret === null || !secret.startsWith('{')) return null
  const read = secretShape.safeParse(parseJson(secret))
  if (!read.success) return null
  const diesAt = parseInstant(read.data.Expiration)
  return diesAt && { ...sessionOf(read.data), diesAt }
}

export function pathOf({ iamHost }: Account, { principal, holder }: Named): string {
  return `ListRoleTags at ${iamHost}, session ${principal} of ${holder}`
}
type Named = Pick<IssueOrder, 'principal' | 'holder'>

export async function issue(account: Account, order: IssueOrder, signal: AbortSignal) {
  // One lease has one session: where there is one already, no other is made.
  if (readSecret(order.secret) !== null) return renew(account, order, signal)
  requireNames(order.principal, order.holder, order.owner)
  requireTime(account, order)
  if ((await readRole(account, order.holder, signal)) === undefined)
    throw refused('The role of the grant is not there.', 'Try again.')
  return make(account, order, rightsOf(order), signal)
}

/** Without looking whether there is a role of it. */
export async function make(
  account: Account,
  order: IssueOrder,
  rights: Rights,
  signal: AbortSignal,
): Promise<Issued> {
  const { principal, holder, deadline } = order
  const diesAt = addSeconds(deadline, lifeSeconds - marginSeconds)
  const text = sessionPolicy(rights, account.arnOf(holder), { deadline, diesAt })
  // A role that was just made is refused for some seconds, and so is a session.
  const made = await patiently(signal, async () => {
    requireTime(account, order)
    return assumeHolder(account, { holder, session: principal, text }, signal)
  })
  await patiently(signal, async () => {
    const { says, because } = await account.trySession(made, holder, signal)
    if (says === 'unclear') throw unavailable(`did not let the session be tried. ${because}`)
    if (says === 'refused')
      throw no(because, `AWS does not take the session (\`${because}\`).`, untaken)
  })
  requireTime(account, order)
  const secret = JSON.stringify({
    Version: 1,
    AccessKeyId: made.accessKeyId,
    SecretAccessKey: made.secretAccessKey,
    SessionToken: made.sessionToken,
    Expiration: diesAt,
  })
  return { ...issuedOf(account, order, diesAt), secret }
}

async function patiently<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (thrown) {
      if (!isCode(thrown, 'AccessDenied', 'InvalidClientTokenId') || tries === bounds.tries)
        throw thrown
      await wait(bounds.restMs, undefined, { signal }).catch(() => {})
    }
  }
}

interface Wanted {
  readonly holder: string
  readonly session: string
  readonly text: string
  readonly seconds?: number
}

export async function assumeHolder(
  account: Account,
  { holder, session, text, seconds = lifeSeconds }: Wanted,
  signal: AbortSignal,
) {
  const of = { role: account.arnOf(holder), subject: holder, session, policy: text, seconds }
  try {
    return sessionOf(await account.assume(of, signal))
  } catch (thrown) {
    if (!isCode(thrown, 'AccessDenied')) throw thrown
    throw no('AccessDenied', 'AWS does not let us be the role of the grant.', unknownYet)
  }
}

/** No session can be made to live longer: whether it is let in is looked at, and says whether it does. */
export async function renew(account: Account, order: IssueOrder, signal: AbortSignal) {
  requireNames(order.principal, order.holder, order.owner)
  const session = readSecret(order.secret)
  if (session === null) throw over('No session of this lease is known.')
  requireTime(account, order)
  if (order.endsAt > session.diesAt) throw over('AWS lets no session live that long.')
  const { says, because } = await account.trySession(session, order.holder, signal)
  if (says === 'refused') throw over('AWS does not take the session any more.')
  if (says === 'unclear') throw unavailable(`did not let the session be tried. ${because}`)
  return issuedOf(account, order, session.diesAt)
}

/** Of a role that is not there, no session opens anything. */
export async function end(
  { account, ends }: { account: Account; ends: Ends },
  { principal, holder, owner, deadline }: EndOrder,
  signal: AbortSignal,
): Promise<void> {
  requireNames(principal, holder, owner)
  const role = await readRole(account, holder, signal)
  if (role !== undefined) await inTime(signal, ends.end(role, principal, deadline))
}

function issuedOf(account: Account, order: IssueOrder, diesAt: Instant): Issued {
  const { region } = account.config
  const { service } = parseObject(order.object)
  const url = `https://${service}.${region}.${addressesOf(account.config).suffix}`
  const role = account.arnOf(order.holder)
  const connect = { path: '', speaks: 'http', preset: 'aws', url, region, service, role }
  return { acceptedPath: pathOf(account, order), diesAt, connect }
}
