/**
 * What a task token says: an access token in the profile of RFC 9068, for one audience, one task and
 * one purpose. Pure.
 *
 * `sub` is the workload and `act` who has it work (RFC 8693 §4.1): the person, or a workload with the
 * person within. A right is delegated, nobody is impersonated. `txn` is the task and `scope` the purpose, so that whoever receives the
 * token can say what was done for what.
 */
import { type Id, type IdKind, isId, type TokenId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { product } from '../base/product.ts'
import { fromMs, type Instant, toMs, toSeconds } from '../base/time.ts'
import { parseSpiffeId } from '../identity/spiffe.ts'
import type { Autonomy } from '../task/rows.ts'
import type { TokenRow } from './rows.ts'

/** Name of the one claim of our own: which app, and whether somebody watches. */
const workClaim = `${product.typeBase}/work`

type Whose = 'identityId' | 'appId' | 'taskId' | 'audience' | 'issuedAt' | 'expiresAt'

export interface TaskClaims extends Pick<TokenRow, Whose> {
  readonly tokenId: TokenId
  readonly issuer: string
  readonly spiffeId: string
  readonly purpose: string
  readonly autonomy: Autonomy
  /** Who has it work, nearest first: workloads it works for, and the person. */
  readonly actors: readonly string[]
  /** Thumbprint of the key its holder must prove to have (RFC 9449); null: whoever bears it. */
  readonly boundTo: string | null
}

/**
 * INVARIANT (design §8, I3 and I7): never longer than its task or its app; unattended work gets less.
 * So does what anybody may bear. Whole seconds, downwards, since the wire has no finer ones.
 */
export function tokenEndsAt(
  { autonomy, boundTo }: Pick<TaskClaims, 'autonomy' | 'boundTo'>,
  now: Instant,
  ...ends: Instant[]
): Instant {
  const isLong = autonomy === 'attended' && boundTo !== null
  const seconds = isLong ? limits.attendedTokenSeconds : limits.unattendedTokenSeconds
  const endMs = Math.min(toMs(now) + seconds * 1000, ...ends.map(toMs))
  return fromMs(Math.floor(endMs / 1000) * 1000)
}

/** The claims as they go over the wire. `iat` is downwards too: a token is never from the future. */
export function writeClaims(claims: TaskClaims): object {
  return {
    iss: claims.issuer,
    sub: claims.spiffeId,
    aud: claims.audience,
    exp: toSeconds(claims.expiresAt),
    iat: toSeconds(claims.issuedAt),
    jti: claims.tokenId,
    client_id: claims.identityId,
    txn: claims.taskId,
    scope: claims.purpose,
    ...claims.actors.reduceRight((act, sub) => ({ act: { sub, ...act } }), {}),
    ...(claims.boundTo === null ? {} : { cnf: { jkt: claims.boundTo } }),
    [workClaim]: { app: claims.appId, autonomy: claims.autonomy },
  }
}

/** What `verify` needs of a token whose signature holds. */
export type ReadClaims = NonNullable<ReturnType<typeof readClaims>>

/**
 * Null for what is no task token. ATTACKER: a person's token has the same issuer, key and type; its
 * subject is no SPIFFE id, and it names no task.
 */
export function readClaims(all: Readonly<Record<string, unknown>>) {
  const { iss: issuer, aud: audience, sub, exp, cnf } = all
  const { jti: tokenId, client_id: identityId, txn: taskId } = all
  const isTask = typeof sub === 'string' && parseSpiffeId(sub) !== null
  if (!isTask || typeof issuer !== 'string' || typeof audience !== 'string') return null
  if (!isIdText('token', tokenId) || !isIdText('task', taskId)) return null
  if (!isIdText('identity', identityId) || !Number.isSafeInteger(exp)) return null
  const boundTo = cnf === undefined ? null : String((cnf as { jkt?: string }).jkt)
  return { tokenId, issuer, audience, taskId, identityId, boundTo, expSeconds: Number(exp), all }
}

function isIdText<K extends IdKind>(kind: K, value: unknown): value is Id<K> {
  return typeof value === 'string' && isId(kind, value)
}
