/**
 * Shows with each request that we hold the key a token is bound to (RFC 9449). INVARIANT: a key is in the
 * file of its profile or in memory, and signs nothing but such proofs.
 */
import { createHash, createPrivateKey, generateKeyPairSync, randomUUID, sign } from 'node:crypto'

/** A private key of ours, P-256, as a JWK. */
export type Key = Readonly<Record<string, unknown>>
/** What anybody may bear, or with the key it is bound to. */
export type Credential = string | { readonly token: string; readonly key: Key }

export function newKey(): Key {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'jwk' }) as Key
}

export function tokenOf(credential: Credential | undefined): string | undefined {
  return typeof credential === 'object' ? credential.token : credential
}

/** The headers that go with it. */
export function showing(credential: Credential, method: string, url: URL): Record<string, string> {
  if (typeof credential === 'string') return { authorization: `Bearer ${credential}` }
  const { token, key } = credential
  return { authorization: `DPoP ${token}`, dpop: proofOf(key, { method, url, token }) }
}

type Request = { readonly method: string; readonly url: URL; readonly token?: string }

export function proofOf(key: Key, { method, url, token }: Request): string {
  const { kty, crv, x, y } = key
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
  const iat = Math.floor(Date.now() / 1000)
  const ath = token && { ath: createHash('sha256').update(token).digest('base64url') }
  const body = { jti: randomUUID(), iat, htm: method, htu: `${url.origin}${url.pathname}`, ...ath }
  const text = `${part(head)}.${part(body)}`
  const privateKey = createPrivateKey({ key, format: 'jwk' })
  const signed = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signed.toString('base64url')}`
}
