/**
 * A token for a target whose authorization server knows us as a client (RFC 6749 §4.4, by secret or
 * RFC 7523 §2.2): fetched when one is needed, renewed before it ends. Held in memory, nowhere else.
 */
import * as sdk from '@modelcontextprotocol/client'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { addSeconds, type Clock, type Instant } from '../../src/core/base/time.ts'
import type { Credential } from '../../src/core/target/target.ts'
import { askFor } from './ask.ts'
import type { MachineClient } from './config.ts'

const bounds = { restSeconds: 10, marginSeconds: 60, unsaidSeconds: 300, heldSeconds: 3600 }

/** Many who come at once wait for one. Asked once in `restSeconds`, and once more after a 401. */
export function machineCredential(url: URL, client: MachineClient, clock: Pick<Clock, 'now'>) {
  let last: { at: Instant; isAgain: boolean; token: ReturnType<typeof fetchOne> } | undefined
  return async (refused?: Credential): Promise<Credential> => {
    const before = last
    const held = await before?.token.catch(() => undefined)
    const at = clock.now()
    const isRefused = held !== undefined && held.headers === refused
    const isGood = held !== undefined && !isRefused && at < held.renewAt
    const isRested = before === undefined || at >= addSeconds(before.at, bounds.restSeconds)
    const mayAsk = isRested || (isRefused && !before.isAgain)
    // Meanwhile somebody else may have begun.
    if (last === undefined || (last === before && !isGood && mayAsk))
      last = { at, isAgain: isRefused, token: fetchOne(url, client, at) }
    return (await last.token).headers
  }
}

/**
 * ATTACKER: a target that names another authorization server, to be sent our secret. The SDK holds
 * that server to the name in its metadata (RFC 8414 §3.3), and our client to `expectedIssuer`.
 */
async function fetchOne(url: URL, client: MachineClient, now: Instant) {
  const fetchFn = askFor(url)
  try {
    const challenge = sdk.extractWWWAuthenticateParams(await fetchFn(url, { method: 'POST' }))
    const found = await sdk.discoverOAuthServerInfo(url, { fetchFn, ...challenge })
    const { authorizationServerMetadata: metadata, resourceMetadata: said } = found
    const { scope: chosen, issuer: expectedIssuer, ...is } = client
    const provider =
      'clientSecret' in is
        ? new sdk.ClientCredentialsProvider({ ...is, expectedIssuer })
        : new sdk.PrivateKeyJwtProvider({ ...is, privateKey: is.privateKeyPem, expectedIssuer })
    await sdk.selectResourceURL(url, provider, said)
    if (metadata === undefined || said === undefined) throw new Error('no metadata')
    const scope = chosen ?? challenge.scope ?? said.scopes_supported?.join(' ') ?? ''
    const asked = { metadata, resource: said.resource, scope, fetchFn }
    const given = await sdk.fetchToken(provider, found.authorizationServerUrl, asked)
    const { access_token: token, token_type: type, expires_in: ends = bounds.unsaidSeconds } = given
    const isBearer = /^bearer$/i.test(type) && /^[\x21-\x7e]{1,8000}$/.test(token)
    if (!isBearer) throw new Error('no bearer token')
    const held = Math.min(ends, bounds.heldSeconds)
    const renewAt = addSeconds(now, held - Math.min(bounds.marginSeconds, Math.floor(held / 4)))
    return { headers: { authorization: `Bearer ${token}` }, renewAt }
  } catch (thrown) {
    throw isProblem(thrown) ? thrown : unable(thrown)
  }
}

/** Of what was thrown nothing but a code that OAuth knows: a server may answer with what it was sent. */
function unable(thrown: unknown): Problem {
  const codes: readonly string[] = Object.values(sdk.OAuthErrorCode)
  const code = codes.find(each => thrown instanceof sdk.OAuthError && thrown.code === each)
  const other = 'is not the one that was connected, or does not answer as one'
  const detail = `We have no token for this target: its authorization server ${code ? `says \`${code}\`` : other}.`
  return new Problem('target-refused', { detail, next: 'Its owner connects it again.' })
}
