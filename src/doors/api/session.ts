/**
 * The browser session of a signed-in person, taken by the API from pages of our own: how the console calls
 * it. The OAuth endpoints, the decision API and the gateways never come here: what is got at them outlives
 * the session.
 */
import type { Context } from 'hono'
import * as sessions from '../../life/sign-in/session.ts'
import { cookieJar } from './oauth/cookies.ts'
import { readCookies } from './oauth/request.ts'

export type SessionCaller = NonNullable<Awaited<ReturnType<typeof callerInSession>>>

/**
 * Undefined where no session came, or not from a page of ours: the cookie is then as if it were not there.
 * Problem `bad-request` for a change without the session's own word.
 *
 * ATTACKER: another site, or another port of this machine (the same site to a browser, which sends the
 * cookie along), that has a signed-in browser send what it chose. A page can not set `Sec-Fetch-Site` or
 * `Origin`, and can not read the word. A thief of the cookie alone has no word either until they ask from a
 * browser that says it shows our page.
 */
export async function callerInSession(
  world: sessions.SessionWorld & { readonly issuer: string },
  { req }: Context,
) {
  const cookies = readCookies(req.header('cookie') ?? '')
  const secret = cookieJar(world.issuer.startsWith('https:')).read({ cookies }, 'session')
  const isRead = req.method === 'GET'
  const origin = req.header('origin') ?? (isRead ? world.issuer : '')
  const isOurs = req.header('sec-fetch-site') === 'same-origin' && origin === world.issuer
  if (secret === undefined || !isOurs) return undefined
  const session = await sessions.findSession(world, secret)
  if (session === undefined) return undefined
  // `GET /v1/me` tells the session's word.
  if (!isRead) sessions.checkCsrf(session, req.header('x-leasehold-csrf'))
  const { person, csrf, expiresAt: validUntil } = session
  const actor = { kind: 'person', id: person.id } as const
  return { kind: 'person', personId: person.id, validUntil, boundTo: null, csrf, actor } as const
}
