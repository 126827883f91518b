/**
 * Looking whether a lease is gone: its application, also among what was deleted, its roles, and the token
 * itself, tried on the path that once accepted it while ours is let in there. Observations only.
 */
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { ourName } from '../rest/names.ts'
import { findApp, listDeleted } from './apps.ts'
import { type Cloud, explain, type Said } from './cloud.ts'
import { parseObject, scopeOf } from './config.ts'
import { acceptedPathOf } from './lease.ts'
import { claimsOf, isToken } from './login.ts'
import { listAt, listOf } from './rights.ts'

export const paths = [
  'applications, deleted ones, and role assignments',
  'the token itself, at Resource Manager',
] as const
const mostNamed = 10

export async function verifyGone(
  cloud: Cloud,
  order: VerifyOrder,
  signal: AbortSignal,
): Promise<Evidence> {
  for (const name of [order.principal, order.holder, order.owner]) ourName(name)
  const scope = scopeOf(parseObject(order.object))
  const untried: Said = { says: 'unclear', because: 'It is not known to us.' }
  const [tried, probe, seen] = await Promise.all([
    isToken(order.secret) ? cloud.tryToken(order.secret, scope, signal) : untried,
    cloud.tryProbe(scope, signal),
    look(cloud, order, signal).catch((thrown: unknown) => explain(thrown)),
  ])
  const isProof = order.acceptedPath === acceptedPathOf(cloud, scope, order.principal)
  const isTold = tried.says === 'accepted' || (tried.says === 'refused' && isProof)
  const isUnknown = typeof seen === 'string'
  const because = [
    isUnknown && seen,
    tried.says === 'unclear' && `The token was not tried. ${tried.because}`,
    tried.says === 'refused' && !isProof && 'It is refused on a path that never accepted it.',
    probe.says !== 'accepted' && `A token of our own is not let in. ${probe.because}`,
  ].filter(Boolean)
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

/** Azure keeps assignments of who is not there any more: those that others gave are theirs to take. */
async function look(cloud: Cloud, order: VerifyOrder, signal: AbortSignal) {
  const scope = scopeOf(parseObject(order.object))
  const { oid } = isToken(order.secret) ? claimsOf(order.secret) : { oid: '' }
  const [app, deleted, here, his] = await Promise.all([
    findApp(cloud, order.principal, signal),
    listDeleted(cloud, order.principal, signal),
    listAt(cloud, scope, signal),
    oid === '' ? [] : listOf(cloud, scope, oid, signal),
  ])
  const isOurs = ({ description }: { description: string }) =>
    description === `${order.holder} ${order.principal}`
  const others = his.filter(each => !isOurs(each)).map(each => `${each.role} on ${each.scope}`)
  const soft = deleted.map(id => `${id}, deleted and not purged`)
  return {
    isListed: app !== undefined || here.some(isOurs) || his.some(isOurs),
    residue: [...soft, ...others].slice(0, mostNamed),
  }
}
