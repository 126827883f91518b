/**
 * Looking whether a lease is gone: its service account, the policy of its resource, and the token itself,
 * tried on the path that once accepted it while ours is let in there. Observations only.
 */
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { evidenceOf, notTried } from '../rest/cloud.ts'
import { ourName } from '../rest/names.ts'
import { findAccount } from './account.ts'
import { type Cloud, explain, isToken } from './cloud.ts'
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
  const [tried, probe, seen] = await Promise.all([
    isToken(order.secret) ? cloud.tryToken(order.secret, signal) : notTried,
    cloud.tryProbe(signal),
    look(cloud, order, signal).catch((thrown: unknown) => explain(thrown)),
  ])
  const isProof = order.acceptedPath === acceptedPathOf(cloud, order.principal)
  return evidenceOf({ tried, probe, seen, isProof, paths, at: cloud.clock.now() })
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
