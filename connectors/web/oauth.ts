/**
 * A person signs us in at an MCP server that asks for OAuth (MCP authorization, by code with PKCE):
 * what the SDK leaves to its user. Nothing here opens a browser or listens for its answer.
 *
 * ATTACKER: who answers to what we did not ask (no or another `state`; `iss` is the SDK's to check), or
 * wants a person again and again.
 */
import { randomUUID } from 'node:crypto'
import * as sdk from '@modelcontextprotocol/client'
import { product } from '../../src/core/base/product.ts'
import { askFor, checkPlace, refused } from './ask.ts'

const mostAuthorizations = 2

export interface SignInAs {
  /** The MCP server. */
  readonly url: URL
  readonly redirectUrl: string
  /** Shows a person the address; resolves to the parameters that came back to `redirectUrl`. */
  readonly authorize: (url: URL) => Promise<URLSearchParams>
  /** Where the server may read who we are, instead of registering us. https. */
  readonly clientMetadataUrl?: string
  /** Registered by hand. Sent to its issuer and to no other; without it we register ourselves. */
  readonly client?: sdk.StoredOAuthClientInformation & { readonly issuer: string }
}

/**
 * Of one person at one server. Tokens are in memory, clients by their issuer. `through` does a thing,
 * and where the server wants a person first, asks and does it again: twice, then Problem `target-refused`.
 */
export function signInAt({ url, redirectUrl, authorize, client, clientMetadataUrl }: SignInAs) {
  const clients = new Map<string | undefined, sdk.StoredOAuthClientInformation>()
  let [state, verifier, left] = ['', '', 0]
  let tokens: sdk.StoredOAuthTokens | undefined
  let discovered: sdk.OAuthDiscoveryState | undefined
  let answer: URLSearchParams | undefined
  const authProvider: sdk.OAuthClientProvider = {
    redirectUrl,
    ...(clientMetadataUrl && { clientMetadataUrl }),
    clientMetadata: {
      client_name: product.name,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
    },
    clientInformation: of => client ?? clients.get(of?.issuer),
    // Without it the SDK refuses another issuer than the client's own.
    ...(!client && { saveClientInformation: (given, of) => void clients.set(of?.issuer, given) }),
    tokens: () => tokens,
    saveTokens: given => void (tokens = given),
    state: () => (state = randomUUID()),
    async redirectToAuthorization(place) {
      if (left-- <= 0) throw refused('It wants a person again and again.')
      const asked = state
      const given = await authorize(checkPlace(place, url))
      if (asked === '' || asked !== state || given.getAll('state').join() !== asked)
        throw refused('What came back is no answer to what was asked.')
      state = ''
      answer = given
    },
    saveCodeVerifier: given => void (verifier = given),
    codeVerifier: () => verifier,
    discoveryState: () => discovered,
    saveDiscoveryState: found => void (discovered = found),
    invalidateCredentials: of => (of === 'client' ? clients.clear() : void (tokens = undefined)),
  }
  const options = { authProvider, fetch: askFor(url) }
  const transport = () => new sdk.StreamableHTTPClientTransport(url, options)
  const through = async <T>(what: () => Promise<T>): Promise<T> => {
    for (left = mostAuthorizations; ; ) {
      try {
        return await what()
      } catch (thrown) {
        const given = answer
        answer = undefined
        if (!(thrown instanceof sdk.UnauthorizedError) || given === undefined) throw thrown
        const finished = transport().finishAuth(given)
        // Whoever is named by then is asked the next time.
        await finished.finally(() => (discovered = undefined))
      }
    }
  }
  return { transport, through }
}
