/**
 * A pretend issuer of ours for outside systems: keys and documents as they fetch them, on loopback, and
 * ways to go wrong. Where a test is not about the real one.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Federation, FederationClaims } from '../../connectors/rest/federation.ts'
import type { Json } from '../../src/core/base/json.ts'
import { type Instant, toSeconds } from '../../src/core/base/time.ts'

export interface FakeFederation extends Federation {
  /** Over what a well-behaved issuer would say. */
  claims: Readonly<Record<string, Json>>
  /** Signs with another key under the same name from now on. */
  forge(): Promise<void>
  /** A new key, published; the old one no more. */
  rotate(): Promise<void>
  isDown: boolean
  close(): Promise<void>
}

export async function startFakeFederation(clock: { now(): Instant }): Promise<FakeFederation> {
  const newKey = () => generateKeyPair('RS256', { modulusLength: 2048 })
  let serial = 1
  let key = await newKey()
  let published: Json[] = []
  const publish = async () => {
    const jwk = await exportJWK(key.publicKey)
    published = [{ ...jwk, alg: 'RS256', use: 'sig', kid: `key-${serial}` }]
  }
  await publish()
  const server = createServer((req, res) => {
    if (federation.isDown) return void req.socket.destroy()
    const jwks_uri = `${issuer}/jwks`
    const isKeys = req.url?.endsWith('/jwks')
    const body = isKeys ? { keys: published } : { issuer, jwks_uri }
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/federation`
  const federation: FakeFederation = {
    issuer,
    claims: {},
    isDown: false,
    async sign({ subject, audience, more }: FederationClaims) {
      const now = toSeconds(clock.now())
      const said = { iss: issuer, sub: subject, aud: audience, iat: now, exp: now + 300 }
      return new SignJWT({ ...said, ...more, ...federation.claims })
        .setProtectedHeader({ alg: 'RS256', kid: `key-${serial}` })
        .sign(key.privateKey)
    },
    jwks: () => ({ keys: published }),
    async forge() {
      key = await newKey()
    },
    async rotate() {
      serial++
      key = await newKey()
      await publish()
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return federation
}

/** As a relying party does it: by discovery, whose issuer must be the one that was asked. */
export async function fetchJwks(issuer: string): Promise<{ readonly keys: readonly unknown[] }> {
  const read = async (url: string) => (await fetch(url)).json() as Promise<Record<string, unknown>>
  const said = await read(`${issuer}/.well-known/openid-configuration`)
  if (said['issuer'] !== issuer) throw new Error('it is another issuer')
  return (await read(String(said['jwks_uri']))) as unknown as { keys: readonly unknown[] }
}
