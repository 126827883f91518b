/** People of the pretend company at their browsers: signed in at the company's provider, calling the API as its pages do. */
import type { Me } from '../../src/doors/api/contract.ts'
import { openBrowser } from '../../test/support/browser.ts'
import { type Client, clientOf } from '../client.ts'
import type { CompanyParts } from './parts.ts'

/** A session that nobody uses ends after an hour, and each after eight. */
const goodForMs = 45 * 60_000

export interface People {
  /** Signs in again where the session may be over. */
  as(sub: string): Promise<Client>
}

export function openPeople(
  parts: Pick<CompanyParts, 'issuer' | 'address' | 'clock' | 'running'>,
): People {
  const sessions = new Map<string, { untilMs: number; client: Promise<Client> }>()
  return {
    as(sub) {
      const nowMs = Date.parse(parts.clock.now())
      const known = sessions.get(sub)
      if (known !== undefined && known.untilMs > nowMs) return known.client
      const client = signIn(parts, sub)
      sessions.set(sub, { untilMs: nowMs + goodForMs, client })
      client.catch(() => sessions.delete(sub))
      return client
    },
  }
}

async function signIn(
  { issuer, address, running }: Pick<CompanyParts, 'issuer' | 'address' | 'running'>,
  sub: string,
): Promise<Client> {
  const browser = openBrowser()
  if (sub === 'sam') {
    const page = await browser.get(await running.signInLink())
    await browser.submit(page, '/sign-in/link')
  } else await browser.get(`${issuer}/sign-in/company?login_hint=${sub}&to=/v1/installation`)
  const cookie = browser.cookie(new URL(issuer).host, 'lh_session')
  if (cookie === undefined) throw new Error(`${sub} could not sign in`)
  const headers = {
    cookie: `lh_session=${cookie}`,
    origin: issuer,
    'sec-fetch-site': 'same-origin',
  }
  const { csrf } = await clientOf(address, headers).get<Me>('/v1/me')
  return clientOf(address, { ...headers, 'x-leasehold-csrf': csrf ?? '' })
}
