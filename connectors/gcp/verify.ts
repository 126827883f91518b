/**
 * Looking whether a lease is gone: its service account, the policy of its resource, and the token itself,
 * tried on the path that once accepted it while ours is let in there. Observations only.
 */
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { findAccount } from './account.ts'
import { type Cloud, explain, isToken, type Said } from './cloud.ts'
import { parseObject } from './config.ts'
import { acceptedPathOf } from './lease.ts'
import { isOf, placeOf, readBindings } from './policy.ts'

export const paths = [
  'the service account, and the policy of the resource',
  'the token itself, at Resource Manager',
] as const
const mostNamed = 10

export async function verifyGone(
  cloud: Cloud,
  order: VerifyOrder,
  signal: AbortSignal,
  look: typeof lookAt = lookAt,
): Promise<Evidence> {
  ourName(order.principal)
  ourName(order.holder)
  ourName(order.owner)
  const untried: Said = { says: 'unclear', because: 'It is not known to us.' }
  const [tried, probe, seen] = await Promise.all([
    isToken(order.secret) ? cloud.tryToken(order.secret, signal) : untried,
    cloud.tryProbe(signal),
    look(cloud, order, signal).catch((thrown: unknown) => explain(thrown)),
  ])
  const isProof = order.acceptedPath === acceptedPathOf(cloud, order.principal)
  const isTold = tried.says === 'accepted' || (tried.says === 'refused' && isProof)
  const because = [
    typeof seen === 'string' && seen,
    tried.says === 'unclear' && `The token was not tried. ${tried.because}`,
    tried.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `A token of our own is not let in. ${probe.because}`,
  ].filter(Boolean)
  const isUnknown = typeof seen === 'string'
  return {
    listed: isUnknown ? 'unknown' : seen.isListed ? 'present' : 'absent',
    credential: isTold ? tried.says : 'not-tried',
    probe: probe.says === 'unclear' ? 'not-tried' : probe.says,
    // Each request there stands alone.
    sessions: isUnknown ? null : 0,
    residue: isUnknown ? [] : seen.residue,
    paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: cloud.clock.now(),
  }
}

/** Rights that others gave to it stay in the policy after it is deleted, and are theirs to take. */
async function lookAt(cloud: Cloud, order: VerifyOrder, signal: AbortSignal) {
  const account = await findAccount(cloud, order.principal, signal)
  const place = placeOf(parseObject(order.object))
  const email = cloud.emailOf(order.principal)
  const all = await readBindings(cloud, place, signal)
  const named = all.filter(({ members }) => members.some(member => isOf(member, email)))
  const isOurs = named.some(({ condition }) => condition?.title === order.holder)
  const others = named.filter(({ condition }) => condition?.title !== order.holder)
  return {
    isListed: account !== undefined || isOurs,
    residue: others.map(({ role }) => `${role} on ${place.name}`).slice(0, mostNamed),
  }
}

/** Of a canary, which has no rights anywhere. */
export async function lookAtAccount(cloud: Cloud, order: VerifyOrder, signal: AbortSignal) {
  return {
    isListed: (await findAccount(cloud, order.principal, signal)) !== undefined,
    residue: [],
  }
}
