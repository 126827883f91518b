/**
 * The request for a tunnel: who asks, for which lease, read as strictly as every request. Answers with
 * a lease of the caller's own task, or with the `Problem` to refuse with.
 *
 * A token that has not run out but does not stand any more (its app is paused, its task was closed)
 * is let through to be told why in the target's own protocol; it gets nothing else.
 */
import type { IncomingMessage } from 'node:http'
import { isId } from '../../core/base/ids.ts'
import { isProblem, Problem, problemOf, problemsWith } from '../../core/base/problem.ts'
import { toMs } from '../../core/base/time.ts'
import { findLease, type LeaseRow, leaseTable } from '../../core/lease/rows.ts'
import type { ExchangeWorld } from '../../core/token/exchange.ts'
import { readTaskToken, type VerifyWorld, verifyTaskToken } from '../../core/token/verify.ts'
import type { Spool } from '../../life/records/spool.ts'
import type { PersonTokenWorld } from '../../life/sign-in/person-token.ts'
import { checkShown, shownIn } from '../api/caller.ts'
import { checkHost, type Hosts } from '../api/oauth/request.ts'
import type { ApiWorld } from '../api/world.ts'

/** What both ends call it, in `Upgrade`. */
export const tunnelProtocol = 'leasehold-tunnel'

export type StandingWorld = ApiWorld & VerifyWorld
export type GatewayWorld = StandingWorld &
  ExchangeWorld &
  PersonTokenWorld & { readonly spool: Spool }

export interface Asked {
  readonly lease: LeaseRow
  /** Why nothing is let through, to be told in the target's protocol. */
  readonly refused?: Problem
}

export async function readTunnel(
  world: GatewayWorld,
  hosts: Hosts,
  req: IncomingMessage,
): Promise<Asked> {
  checkHost(req, hosts)
  const [, id = ''] = /^\/v1\/leases\/([\w-]{1,40})\/tunnel$/.exec(req.url ?? '') ?? []
  if (req.method !== 'GET' || req.headers.upgrade?.toLowerCase() !== tunnelProtocol || id === '')
    throw noSuch('There is no such tunnel.')
  const shown = shownIn(req, world.issuer)
  if (shown === undefined) throw notAccepted
  const { token } = shown
  const claims = readTaskToken(world, token)
  const isOurs = claims?.audience === world.issuer
  if (!isOurs || claims.expSeconds * 1000 <= toMs(world.clock.now())) throw notAccepted
  await checkShown(world.proofs, shown, claims)
  const known = isId('lease', id) ? world.replica.get(leaseTable, id) : undefined
  const lease = known ?? (isId('lease', id) ? await findLease(world.store, id) : undefined)
  // Of another task, even of the same app: nobody needs to know that it is there.
  if (lease?.taskId !== claims.taskId) throw noSuch('There is no such lease.')
  try {
    await verifyTaskToken(world, token, world.issuer)
    return { lease }
  } catch (thrown) {
    if (!isProblem(thrown, 'token-refused')) throw thrown
    return { lease, refused: over(thrown.detail) }
  }
}

export function over(detail: string, next = 'Run your command again.'): Problem {
  return new Problem('wrong-state', { detail, next })
}

const noSuch = problemsWith('not-found', 'A tunnel is opened by `leasehold run`.')

const notAccepted = problemOf('tunnel-without-its-token')
