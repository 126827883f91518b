/**
 * Is this bearer a token we gave a person, and does it still stand? Signature, type, issuer,
 * audience and time by `jose`; then the sign-in it came from and the person, in the database: a
 * token ends with its sign-in, not five minutes later.
 */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { isId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem, problemsAlike } from '../../core/base/problem.ts'
import { toMs } from '../../core/base/time.ts'
import { cliClientId } from './authorization-server.ts'
import { findClientWork, findSignIn } from './rows.ts'
import type { SessionWorld } from './session.ts'

export interface PersonTokenWorld extends SessionWorld {
  readonly issuer: string
  readonly apiAudience: string
  /** Every key whose tokens may still be alive. */
  readonly tokenJwks: () => JSONWebKeySet
}

export type PersonToken = Awaited<ReturnType<typeof verifyPersonToken>>
export type ClientToken = Awaited<ReturnType<typeof verifyClientToken>>

/**
 * Problem `token-refused` for every token that is not good, without saying which check it failed. Until
 * `signInEndsAt` the device can renew its token.
 */
export async function verifyPersonToken(world: PersonTokenWorld, token: string) {
  const { grantId, ...said } = await readPersonToken(world, token, world.apiAudience)
  const { personId, clientId } = said
  if (clientId !== cliClientId) throw refused('client_id is unknown')
  const now = world.clock.now()
  const signIn = await findSignIn(world.store, { grantId, personId, now })
  if (signIn === undefined) throw refused('its sign-in ended')
  return { ...said, signInEndsAt: signIn.endsAt }
}

/**
 * The same for the token an MCP client got for the one server it was let use: never one for the API,
 * nor for another server. Problem `token-refused` likewise.
 */
export async function verifyClientToken(world: PersonTokenWorld, token: string, resource: string) {
  const said = await readPersonToken(world, token, resource)
  if (said.clientId === cliClientId) throw refused('client_id is no MCP client')
  const work = await findClientWork(world.store, { ...said, now: world.clock.now() })
  if (work === undefined) throw refused('its sign-in ended')
  return { ...said, work }
}

/** Whether the sign-in it came from still is, for what goes on longer than a token. */
export async function isClientSignedIn(world: SessionWorld, said: ClientToken): Promise<boolean> {
  return (await findClientWork(world.store, { ...said, now: world.clock.now() })) !== undefined
}

async function readPersonToken(world: PersonTokenWorld, token: string, audience: string) {
  const claims = await verifySignature(world, token, audience)
  const { sub, sid: grantId, jti: tokenId, client_id: clientId, cnf } = claims
  if (typeof sub !== 'string' || !isId('person', sub)) throw refused('sub is not a person')
  if (typeof tokenId !== 'string' || typeof grantId !== 'string')
    throw refused('jti or sid is missing')
  if (typeof clientId !== 'string') throw refused('client_id is missing')
  /** Thumbprint of the key it is bound to (RFC 9449); null: whoever bears it, for five minutes. */
  const boundTo = cnf === undefined ? null : String((cnf as { jkt?: unknown }).jkt)
  // `grantId`: the sign-in it came from, whatever is renewed in between.
  return { personId: sub, tokenId, grantId, clientId, boundTo }
}

async function verifySignature(world: PersonTokenWorld, token: string, audience: string) {
  if (token.length > limits.foreignTokenBytes) throw refused('too long')
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(world.tokenJwks()), {
      algorithms: ['ES256'],
      typ: 'at+jwt',
      issuer: world.issuer,
      audience,
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
      currentDate: new Date(toMs(world.clock.now())),
    })
    // RFC 7519 allows a list of audiences and the library any one of it; ours have exactly one.
    if (payload.aud !== audience) throw refused('more than one audience')
    return payload
  } catch (cause) {
    if (cause instanceof Problem) throw cause
    throw refused(cause instanceof Error ? cause.message : 'unknown', cause)
  }
}

const refused = problemsAlike('token-refused', {
  detail: 'This token is not accepted here, or no longer.',
  next: 'Sign in again.',
})
