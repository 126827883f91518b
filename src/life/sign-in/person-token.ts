/**
 * Is this bearer a token we gave a person, and does it still stand? Signature, type, issuer,
 * audience and time by `jose`; then the sign-in it came from and the person, in the database: a
 * token ends with its sign-in, not five minutes later.
 */
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { isId, type PersonId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import { type Instant, toMs } from '../../core/base/time.ts'
import { cliClientId } from './authorization-server.ts'
import { findSignInEnd } from './rows.ts'
import type { SessionWorld } from './session.ts'

export interface PersonTokenWorld extends SessionWorld {
  readonly issuer: string
  readonly apiAudience: string
  /** Every key whose tokens may still be alive. */
  readonly tokenJwks: () => JSONWebKeySet
}

export interface PersonToken {
  readonly personId: PersonId
  readonly tokenId: string
  readonly clientId: string
  /** Until then the device can renew its token. */
  readonly signInEndsAt: Instant
}

/** Problem `token-refused` for every token that is not good, without saying which check it failed. */
export async function verifyPersonToken(
  world: PersonTokenWorld,
  token: string,
): Promise<PersonToken> {
  const claims = await verifySignature(world, token)
  const { sub, sid, jti, client_id: clientId } = claims
  if (typeof sub !== 'string' || !isId('person', sub)) throw refused('sub is not a person')
  if (typeof jti !== 'string' || typeof sid !== 'string') throw refused('jti or sid is missing')
  if (clientId !== cliClientId) throw refused('client_id is unknown')
  const now = world.clock.now()
  const signInEndsAt = await findSignInEnd(world.store, { grantId: sid, personId: sub, now })
  if (signInEndsAt === undefined) throw refused('its sign-in ended')
  return { personId: sub, tokenId: jti, clientId, signInEndsAt }
}

async function verifySignature(world: PersonTokenWorld, token: string): Promise<JWTPayload> {
  if (token.length > limits.foreignTokenBytes) throw refused('too long')
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(world.tokenJwks()), {
      algorithms: ['ES256'],
      typ: 'at+jwt',
      issuer: world.issuer,
      audience: world.apiAudience,
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
      currentDate: new Date(toMs(world.clock.now())),
    })
    // RFC 7519 allows a list of audiences and the library any one of it; ours have exactly one.
    if (payload.aud !== world.apiAudience) throw refused('more than one audience')
    return payload
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw refused(cause instanceof Error ? cause.message : 'unknown', cause)
  }
}

function refused(log: string, cause?: unknown): Problem {
  return new Problem('token-refused', {
    detail: 'This token is not accepted here, or no longer.',
    next: 'Sign in again.',
    log,
    cause,
  })
}
