/**
 * Looking whether a lease is gone: what its role says is over, and the session itself, tried on the path
 * that once accepted it while a session of ours, of the same role, is let in there. Observations only.
 */
import { randomBytes } from 'node:crypto'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, type Instant } from '../../src/core/base/time.ts'
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { requireNames } from '../rest/names.ts'
import type { Account, Said, Session } from './account.ts'
import { deadAt, type Ends } from './ends.ts'
import { type Role, readRole } from './holder.ts'
import { paths, sessionPolicy } from './policy.ts'
import { assumeHolder, pathOf, readSecret } from './session.ts'
import { explain } from './trouble.ts'

/** AWS's shortest life of a session, and for how long of it one is used. */
const bounds = { lifeSeconds: 900, usedSeconds: 300, probes: 1_000, settleSeconds: 60 }

export interface Looking {
  readonly account: Account
  readonly ends: Ends
  readonly probes: Probes
}

export async function verifyGone(
  looking: Looking,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<Evidence> {
  const { account, probes } = looking
  requireNames(order.principal, order.holder, order.owner)
  const session = readSecret(order.secret)
  const untried: Said = { says: 'unclear', because: 'It is not known to us.' }
  const trying = session === null ? untried : account.trySession(session, order.holder, signal)
  const at = await seeRole(account, order, signal)
  const [tried, probe, seen] = await Promise.all([
    trying,
    // Nobody can be a role that is gone: then IAM's answer to ourselves says that the path is up.
    at.isGone ? ({ says: 'accepted', because: '' } as const) : probes.tryProbe(at, signal),
    look(looking, { order, at }, signal),
  ])
  const isProof = order.acceptedPath === pathOf(account, order)
  const isTold = tried.says === 'accepted' || (tried.says === 'refused' && isProof)
  const because = [
    seen.because,
    tried.says === 'unclear' && `The session was not tried. ${tried.because}`,
    tried.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `A session of our own is not let in. ${probe.because}`,
  ].filter(Boolean)
  return {
    listed: seen.listed,
    credential: isTold ? tried.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    // Each request there stands alone.
    sessions: seen.listed === 'unknown' ? null : 0,
    residue: [],
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: account.clock.now(),
  }
}

interface Seen {
  readonly role: Role | undefined
  readonly isGone: boolean
  /** Why it could not be seen. */
  readonly because?: string
}

async function seeRole(
  account: Account,
  { holder, deadline }: VerifyOrder,
  signal: AbortSignal,
): Promise<Seen> {
  try {
    const role = await readRole(account, holder, signal)
    if (role !== undefined) return { role, isGone: false }
    // A reading of IAM can be seconds old. One that was made long ago was there, and is no more.
    const isGone = account.clock.now() > addSeconds(deadline, bounds.settleSeconds)
    return { role, isGone, because: 'Its role is not there; AWS may not know it yet.' }
  } catch (thrown) {
    return { role: undefined, isGone: false, because: explain(thrown) }
  }
}

/** AWS lists no sessions. It lists the roles, and what of a role is over. */
async function look(
  { account, ends }: Looking,
  { order, at }: { readonly order: VerifyOrder; readonly at: Seen },
  signal: AbortSignal,
): Promise<Pick<Evidence, 'listed' | 'because'>> {
  const { principal, secret, acceptedPath, deadline } = order
  if (account.clock.now() > deadAt(deadline))
    return { listed: 'absent', because: 'AWS lets no session live over an hour.' }
  // It was handed on and can not be tried: what a policy says is one path, and there is no other.
  if (acceptedPath !== null && secret === null)
    return {
      listed: 'unknown',
      because: `It can not be tried; it dies before ${deadAt(deadline)}.`,
    }
  if (at.isGone) return { listed: 'absent' }
  const { role, because } = at
  if (role === undefined) return { listed: 'unknown', because }
  try {
    const isOver = await ends.isOver(role, principal, deadline, signal)
    return { listed: isOver ? 'absent' : 'present' }
  } catch (thrown) {
    return { listed: 'unknown', because: explain(thrown) }
  }
}

export type Probes = ReturnType<typeof openProbes>

/** Sessions of the same roles that may ask the harmless question and nothing else. In memory alone. */
export function openProbes(account: Account) {
  const held = new Map<string, { readonly until: Instant; readonly made: Promise<Session> }>()

  function probeOf(holder: string, isNew: boolean, signal: AbortSignal): Promise<Session> {
    const known = held.get(holder)
    if (!isNew && known !== undefined && account.clock.now() < known.until) return known.made
    if (held.size >= bounds.probes) held.clear()
    const session = `${product.targetPrefix}_probe_${randomBytes(8).toString('hex')}`
    const text = sessionPolicy({ actions: [], resources: [] }, account.arnOf(holder))
    const made = assumeHolder(
      account,
      { holder, session, text, seconds: bounds.lifeSeconds },
      signal,
    )
    const until = addSeconds(account.clock.now(), bounds.usedSeconds)
    held.set(holder, { until, made })
    made.catch(() => held.get(holder)?.made === made && held.delete(holder))
    return made
  }

  return {
    /** Never rejects. */
    async tryProbe({ role, because = '' }: Seen, signal: AbortSignal): Promise<Said> {
      if (role === undefined) return { says: 'unclear', because }
      const holder = role.name
      try {
        const said = await account.trySession(await probeOf(holder, false, signal), holder, signal)
        if (said.says !== 'refused') return said
        return await account.trySession(await probeOf(holder, true, signal), holder, signal)
      } catch (thrown) {
        return { says: 'unclear', because: explain(thrown) }
      }
    },
  }
}
