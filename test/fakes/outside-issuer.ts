/**
 * Our issuer for outside systems, as their fakes meet it: discovery and keys on loopback, and words signed
 * as a server would. Words that are wrong in one thing can be had, too.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, type JWK, SignJWT } from 'jose'
import type { Federation } from '../../connectors/rest/federation.ts'
import { type Instant, toSeconds } from '../../src/core/base/time.ts'
import { newKeys } from './github/state.ts'

export interface OutsideIssuer extends Federation {
  /** Another key signs from now on; the one before is not published any more. */
  rotate(): Promise<void>
  /** What each next word differs in. */
  wrong: Readonly<Record<string, unknown>>
  close(): Promise<void>
}

export async function startOutsideIssuer(clock: { now(): Instant }): Promise<OutsideIssuer> {
  let keys = newKeys()
  let kid = 0
  const published = async (): Promise<{ keys: readonly JWK[] }> => {
    const jwk = await exportJWK(keys.publicKey)
    return { keys: [{ ...jwk, kid: `k${kid}`, alg: 'RS256', use: 'sig' }] }
  }
  let jwks = await published()
  const server = createServer((req, res) => {
    const discovery = { issuer, jwks_uri: `${issuer}/keys` }
    const said = req.url === '/.well-known/openid-configuration' ? discovery : jwks
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const made: OutsideIssuer = {
    issuer,
    wrong: {},
    async sign({ subject, audience, more }) {
      const now = toSeconds(clock.now())
      const claims = { iss: issuer, sub: subject, aud: audience, iat: now, exp: now + 300 }
      const header = { alg: 'RS256', kid: `k${kid}` }
      const word = new SignJWT({ ...claims, ...more, ...made.wrong }).setProtectedHeader(header)
      return word.sign(keys.privateKey)
    },
    jwks: () => ({ keys: jwks.keys }),
    async rotate() {
      keys = newKeys()
      kid++
      jwks = await published()
    },
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
  return made
}

/** As a relying party does it: by discovery, whose issuer must be the one that was asked. */
export async function fetchJwks(issuer: string): Promise<{ readonly keys: readonly unknown[] }> {
  const read = async (url: string) => (await fetch(url)).json() as Promise<Record<string, unknown>>
  const said = await read(`${issuer}/.well-known/openid-configuration`)
  if (said['issuer'] !== issuer) throw new Error('it is another issuer')
  return (await read(String(said['jwks_uri']))) as unknown as { keys: readonly unknown[] }
}
