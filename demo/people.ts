/** People of the pretend company, signing in as people do: in a browser, and by a device code for the command line. */
import * as oidc from 'openid-client'
import { openBrowser } from '../test/support/browser.ts'
import { type Client, clientOf } from './client.ts'

export const company = [
  { sub: 'maya', name: 'Maya Ortiz', email: 'maya@acme.example' },
  { sub: 'tom', name: 'Tom Reyes', email: 'tom@acme.example' },
  { sub: 'lee', name: 'Lee Novak', email: 'lee@acme.example' },
] as const

export interface SignedIn {
  readonly client: Client
  readonly token: string
  /** The same sign-in with a newer token: what a command line does by itself. */
  renew(): Promise<SignedIn>
}

/** Through the company's provider. */
export function signInCompany(issuer: string, address: string, sub: string): Promise<SignedIn> {
  return signIn(issuer, address, `${issuer}/sign-in/company?login_hint=${sub}`)
}

/** With a one-time link, as the first person of an installation does. */
export async function signInLink(issuer: string, address: string, link: string): Promise<SignedIn> {
  return signIn(issuer, address, link)
}

/** In a browser alone: from then on they are somebody here. */
export async function visitCompany(issuer: string, sub: string): Promise<void> {
  const { status, text } = await openBrowser().get(`${issuer}/sign-in/company?login_hint=${sub}`)
  if (status >= 400) throw new Error(`${sub} could not sign in: ${text.slice(0, 200)}`)
}

async function signIn(issuer: string, address: string, start: string): Promise<SignedIn> {
  const browser = openBrowser()
  const page = await browser.get(start)
  if (page.text.includes('action="/sign-in/link"')) await browser.submit(page, '/sign-in/link')
  const client = await oidc.discovery(new URL(issuer), 'leasehold-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
  const asked = await oidc.initiateDeviceAuthorization(client, {})
  const device = await browser.get(asked.verification_uri_complete ?? '')
  await browser.submit(device, '/d', { says: 'yes' })
  const tokens = await oidc.pollDeviceAuthorizationGrant(client, { ...asked, interval: 0.05 })
  return signedIn(client, address, tokens)
}

function signedIn(
  client: oidc.Configuration,
  address: string,
  tokens: oidc.TokenEndpointResponse,
): SignedIn {
  return {
    token: tokens.access_token,
    client: clientOf(address, tokens.access_token),
    renew: async () =>
      signedIn(client, address, await oidc.refreshTokenGrant(client, tokens.refresh_token ?? '')),
  }
}
