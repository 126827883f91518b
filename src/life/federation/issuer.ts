/**
 * Our issuer for outside systems that trust it in place of a stored key: how we ourselves come in at a
 * cloud. Its address and keys are its own: no door of ours takes what it signs, and nobody can ask it for
 * anything but the server itself, for a connector (design §3.15).
 *
 * What such systems want of a token: RS256, one audience, a subject of at most 127 bytes of ASCII.
 */
import { createPrivateKey, type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { KeyId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import { assert } from '../../core/base/problem.ts'
import { toSeconds } from '../../core/base/time.ts'
import { type FederationWorld, placeOf, turnKeys } from './keys.ts'
import { federationKeyTable, readSecret } from './rows.ts'

export const federationPaths = {
  issuer: '/federation',
  discovery: '/federation/.well-known/openid-configuration',
  jwks: '/federation/jwks',
} as const

const tokenSeconds = 300

export type FederationIssuer = ReturnType<typeof makeFederation>

interface Claims {
  readonly subject: string
  readonly audience: string
  readonly more?: JsonObject
}

export function makeFederation(world: FederationWorld) {
  const issuer = `${world.issuer}${federationPaths.issuer}`
  let opened: { readonly kid: KeyId; readonly key: KeyObject } | undefined
  const keys = () => world.replica.all(federationKeyTable)
  const signer = async () => {
    if (!keys().some(({ state }) => state === 'active')) await turnKeys(world)
    const active = keys().find(({ state }) => state === 'active')
    assert(active, 'there is a key to sign with')
    if (opened?.kid === active.id) return opened
    const sealed = await readSecret(world.store, active.id)
    assert(sealed, 'the active key has its private part')
    const der = Buffer.from(world.unseal(sealed, placeOf(active.id)))
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    return (opened = { kid: active.id, key })
  }
  return {
    issuer,
    sign: async ({ subject, audience, more = {} }: Claims): Promise<string> => {
      assert(/^[\x21-\x7e]{1,127}$/.test(subject), 'a subject is short ASCII')
      const { kid, key } = await signer()
      const now = toSeconds(world.clock.now())
      const times = { iat: now, nbf: now, exp: now + tokenSeconds }
      const claims = { ...more, iss: issuer, sub: subject, aud: audience, ...times }
      return new SignJWT({ ...claims, jti: randomUUID() })
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .sign(key)
    },
    jwks: () => ({ keys: keys().map(({ jwk }) => jwk) }),
    /** OpenID Connect Discovery 1.0 §3: what those systems read of it. */
    discovery: (): JsonObject => ({
      issuer,
      jwks_uri: `${world.issuer}${federationPaths.jwks}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti'],
    }),
    /** Makes the keys where there are none, and replaces those that have signed for long. */
    turn: () => turnKeys(world),
  }
}
