/**
 * Browser sessions: what the cookie of a signed-in person stands for. Always a fresh secret, made
 * after the sign-in, so that a session nobody signed into can not be planted beforehand.
 */

import { randomBytes } from 'node:crypto'
import { base64url, equalInConstantTime, sha256Hex } from '../../core/base/hash.ts'
import type { PersonId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { addSeconds, type Clock, type Instant, msBetween, toSeconds } from '../../core/base/time.ts'
import type { Scope } from '../../core/ledger/record.ts'
import { findPerson } from '../../core/people/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import { bounds } from './bounds.ts'
import * as rows from './rows.ts'
import type { ClientWork } from './work.ts'

export type NewSession = Awaited<ReturnType<typeof startSession>>
export type Session = NonNullable<Awaited<ReturnType<typeof findSession>>>

export interface SessionWorld {
  readonly store: Sql
  readonly clock: Clock
}

/** 256 random bits as text. */
export function newSecret(): string {
  return base64url(randomBytes(32))
}

/**
 * What a device or a client was let do, as the authorization server keeps it. A yes ends with the session
 * length, whatever is renewed in between. Answers what its code says of it.
 */
export async function beginSignIn({ tx, at }: Scope, { clientId, work, ...said }: Let) {
  const { accountId, resource, scope } = said
  const [authTime, grantId] = [toSeconds(at), newSecret()]
  const whose = { iat: authTime, accountId, clientId, resources: { [resource]: scope } }
  const payload = work === undefined ? whose : { ...whose, work }
  const expiresAt = addSeconds(at, bounds.sessionSeconds)
  await rows.insertOidcState(tx, { kind: 'Grant', id: grantId, payload, expiresAt })
  return { ...said, grantId, authTime }
}

type Let = Record<'clientId' | 'resource' | 'scope', string> & {
  accountId: PersonId
  work?: ClientWork | undefined
}

/** The hash under which a secret is kept; undefined for a text that can not be one of ours. */
export function secretHash(text: string): string | undefined {
  return /^[A-Za-z0-9_-]{43}$/.test(text) ? sha256Hex(text) : undefined
}

/** `secret` is the cookie's value; here only its hash stays. */
export async function startSession(sql: Sql, personId: PersonId, now: Instant) {
  const secret = newSecret()
  const expiresAt = addSeconds(now, bounds.sessionSeconds)
  const session = { hash: sha256Hex(secret), personId, csrf: newSecret(), madeAt: now, expiresAt }
  await rows.insertSession(sql, session)
  return { secret, expiresAt }
}

/**
 * The session of a cookie, while it is in use, young enough, and its person has not left. Every form it
 * posts carries its `csrf`.
 */
export async function findSession(world: SessionWorld, secret: string) {
  const hash = secretHash(secret)
  if (hash === undefined) return undefined
  const now = world.clock.now()
  const row = await rows.findSessionRow(world.store, hash)
  if (row === undefined || row.expiresAt <= now) return undefined
  const idleMs = msBetween(row.usedAt, now)
  if (idleMs > bounds.sessionIdleSeconds * 1000) return undefined
  const person = await findPerson(world.store, row.personId)
  if (person === undefined || person.state !== 'living') return undefined
  if (idleMs > bounds.sessionTouchMs) await rows.touchSession(world.store, hash, now)
  return { person, csrf: row.csrf, expiresAt: row.expiresAt }
}

export async function endSession(world: SessionWorld, secret: string): Promise<void> {
  const hash = secretHash(secret)
  if (hash !== undefined) await rows.endSessionRow(world.store, hash, world.clock.now())
}

/** A form is of this session. Problem `bad-request` when it is not. */
export function checkCsrf(session: Session, given: string | undefined): void {
  if (given === undefined || !equalInConstantTime(given, session.csrf))
    throw problemOf('form-of-another-sign-in', { field: 'csrf' })
}
