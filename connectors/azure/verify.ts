/**
 * Looking whether a lease is gone: its application, also among what was deleted, its roles, and the token
 * itself, tried on the path that once accepted it while ours is let in there. Observations only.
 */
import type { Evidence, VerifyOrder } from '../../src/core/target/target.ts'
import { evidenceOf, notTried } from '../rest/cloud.ts'
import { ourName } from '../rest/names.ts'
import { findApp, listDeleted } from './apps.ts'
import type { Cloud } from './cloud.ts'
import { parseObject, scopeOf } from './config.ts'
import { acceptedPathOf } from './lease.ts'
import { claimsOf, explain, isToken } from './login.ts'
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
  const [tried, probe, seen] = await Promise.all([
    isToken(order.secret) ? cloud.tryToken(order.secret, scope, signal) : notTried,
    cloud.tryProbe(scope, signal),
    look(cloud, order, signal).catch((thrown: unknown) => explain(thrown)),
  ])
  const isProof = order.acceptedPath === acceptedPathOf(cloud, scope, order.principal)
  return evidenceOf({ tried, probe, seen, isProof, paths, at: cloud.clock.now() })
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
