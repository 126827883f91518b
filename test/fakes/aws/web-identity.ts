/**
 * Whether a word of an outside issuer is taken, by the rules of AWS: an issuer the account trusts, read by
 * its discovery document, RS256, one of its audiences, not over, and a subject that is not too long.
 */
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose'
import { toMs } from '../../../src/core/base/time.ts'
import { Refusal, type State } from './state.ts'

export type Claims = JWTPayload
const subjectBytes = 127

export async function readWord(
  state: State,
  word: string,
): Promise<{ host: string; claims: Claims }> {
  const { iss = '', sub = '' } = unsigned(word)
  const host = iss.replace(/^https?:\/\//, '').replace(/\/$/, '')
  const known = state.issuers.get(host)
  if (known === undefined || known.url !== iss) throw new Refusal('InvalidIdentityToken')
  if (sub === '' || Buffer.byteLength(sub) > subjectBytes) throw new Refusal('InvalidIdentityToken')
  const keys = createLocalJWKSet(await readKeys(iss))
  try {
    const { payload } = await jwtVerify(word, keys, {
      algorithms: ['RS256'],
      issuer: iss,
      audience: [...known.audiences],
      requiredClaims: ['exp', 'iat', 'sub', 'aud'],
      currentDate: new Date(toMs(state.clock.now())),
    })
    return { host, claims: payload }
  } catch (thrown) {
    const code = Object(thrown) as { code?: string }
    throw new Refusal(
      code.code === 'ERR_JWT_EXPIRED' ? 'ExpiredTokenException' : 'InvalidIdentityToken',
    )
  }
}

async function readKeys(issuer: string): Promise<JSONWebKeySet> {
  try {
    const found = await fetch(`${issuer}/.well-known/openid-configuration`)
    const { issuer: says, jwks_uri: at } = (await found.json()) as Record<string, string>
    if (says !== issuer || at === undefined) throw new Refusal('InvalidIdentityToken')
    return (await (await fetch(at)).json()) as JSONWebKeySet
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown
    throw new Refusal('IDPCommunicationError')
  }
}

function unsigned(word: string): Claims {
  try {
    return decodeJwt(word)
  } catch {
    throw new Refusal('InvalidIdentityToken')
  }
}
