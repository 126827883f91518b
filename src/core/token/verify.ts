/**
 * Is this a task token of ours, and does everything it hangs on still stand? Its signature is checked
 * once and remembered; what it hangs on is looked up in memory each time, so that a revoked token, a
 * closed task or a hold counts from the moment this replica knows it.
 */
import { stateAt } from '../app/app.ts'
import { appTable } from '../app/rows.ts'
import { sha256Hex } from '../base/hash.ts'
import { limits } from '../base/limits.ts'
import { problemsWith } from '../base/problem.ts'
import { type Clock, toMs } from '../base/time.ts'
import { concernedBy, heldBy } from '../hold/hold.ts'
import { identityTable } from '../identity/rows.ts'
import { findRow } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import type { Sql } from '../store/store.ts'
import { taskTable } from '../task/rows.ts'
import { chainOf } from '../task/task.ts'
import { type ReadClaims, readClaims } from './claims.ts'
import { tokenTable } from './rows.ts'
import { openToken, type TokenKeys } from './signature.ts'

export interface VerifyWorld {
  readonly store: Sql
  readonly replica: Replica
  /** Only ever forward (`forwardOnly`): a clock that jumps back revives nothing. */
  readonly clock: Clock
  readonly issuer: string
  readonly tokenKeys: TokenKeys
  /** Tokens whose signature was verified, by hash. Starts empty. */
  readonly verified: Map<string, ReadClaims>
}

export type TaskToken = Readonly<Exclude<ReturnType<typeof lookAt>, string>>

/**
 * `audience` is the one the caller serves. Problem `token-refused`: to who holds a token of ours it
 * says what ended; to anybody else nothing.
 */
export async function verifyTaskToken(world: VerifyWorld, token: string, audience: string) {
  const claims = readTaskToken(world, token)
  if (claims === null) throw refused('This token is not accepted here.')
  if (claims.audience !== audience) throw refused('This token is for another audience.')
  const standing = lookAt(world, claims)
  if (typeof standing !== 'string') return standing
  throw refused(await sayEnd(world, claims, standing))
}

/** What one of our keys has signed for a task, whether or not it still stands; else null. */
export function readTaskToken(world: VerifyWorld, token: string): ReadClaims | null {
  const hash = sha256Hex(token)
  const known = world.verified.get(hash)
  // A key that was withdrawn takes with it what it has signed.
  if (known !== undefined && world.tokenKeys(token.slice(0, token.indexOf('.'))) !== undefined)
    return known
  const opened = openToken(world.tokenKeys, token)
  const claims = opened === null ? null : readClaims(opened)
  if (claims?.issuer !== world.issuer) return null
  const [oldest] = world.verified.keys()
  if (world.verified.size >= limits.verifiedTokens && oldest !== undefined)
    world.verified.delete(oldest)
  world.verified.set(hash, claims)
  return claims
}

/** Everything it hangs on, in memory, now; or what of it does not stand. */
export function lookAt(world: VerifyWorld, claims: ReadClaims) {
  const { replica, clock } = world
  const now = clock.now()
  if (toMs(now) >= claims.expSeconds * 1000) return 'It has run out.'
  // A token without a row was never given: its transaction failed, or the database is an older one.
  const row = replica.get(tokenTable, claims.tokenId)
  if (row === undefined || row.identityId !== claims.identityId) return 'It does not stand.'
  const task = replica.get(taskTable, row.taskId)
  const chain = task && chainOf(replica, task)
  if (task === undefined || chain === undefined) return 'Its task ended.'
  // What it works for stands as well, up to the first.
  for (const { endsAt, identityId, appId } of chain) {
    if (endsAt <= now) return 'Its task ended.'
    if (replica.get(identityTable, identityId)?.state !== 'active')
      return 'Its identity was revoked.'
    const app = replica.get(appTable, appId)
    if (app === undefined) return 'Its app is not known.'
    const state = stateAt(app, now)
    if (state !== 'active') return `Its app is ${state}.`
  }
  if (heldBy(replica, concernedBy(replica, task)).length > 0) return 'It is on hold.'
  const { boundTo } = claims
  const { identityId, taskId, appId } = row
  return { tokenId: row.id, identityId, taskId, appId, boundTo }
}

/** The same in the database's words, with the time: what the memory has dropped is still there. */
async function sayEnd(world: VerifyWorld, claims: ReadClaims, says: string): Promise<string> {
  const row = await findRow(world.store, tokenTable, claims.tokenId)
  const task = await findRow(world.store, taskTable, claims.taskId)
  const revokedAt = row?.revokedAt ?? null
  const closedAt = task?.closedAt ?? null
  // With its task its tokens are put away: then the task is what ended.
  if (closedAt !== null && (revokedAt === null || revokedAt >= closedAt))
    return `Its task ended at ${closedAt}.`
  return revokedAt === null ? says : `It was revoked at ${revokedAt}.`
}

const refused = problemsWith('token-refused', 'Prove again who you are, for a new task.')
