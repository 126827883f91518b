/**
 * Who we are at GitHub: an App, which signs for itself and makes tokens of its installation. Those that
 * are for our own looks live in memory, are few, and are ended when they are replaced.
 */
import { createPrivateKey } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import * as time from '../../src/core/base/time.ts'
import { type RestRequest, restClient } from '../rest/client.ts'
import { covers, type GithubConfig, type Permissions } from './config.ts'

const bounds = {
  /** GitHub takes an App's word for ten minutes at most, and its clock may be behind ours. */
  wordSeconds: 540,
  aheadSeconds: 60,
  /** A token of our own is used so long, then another is made. */
  ownSeconds: 900,
  closeMs: 2_000,
  /** GitHub's replicas know a new token a moment later. */
  newTries: 5,
  newRestMs: 500,
}

export type App = ReturnType<typeof openApp>
type Request = Omit<RestRequest, 'headers'>
type Answered = Promise<{ readonly status: number }>
type Said = 'accepted' | 'refused' | 'unclear'
/** What each of the two paths says to a token, and why where that is unclear. */
export interface Tried {
  readonly rest: Said
  readonly graph: Said
  readonly because: readonly string[]
}
interface Rights {
  readonly repositoryId?: number
  readonly permissions: Permissions
}

export function openApp(config: GithubConfig, clock: Pick<time.Clock, 'now'>) {
  const url = new URL(config.url)
  const ask = restClient('GitHub', url)
  // Beside the REST API; on a server of one's own in the folder above it.
  const graph = restClient('GitHub', new URL(url.href.replace(/\/api\/v3\/?$/, '/api')))
  const key = createPrivateKey(config.privateKeyPem)

  async function asApp(request: Request, signal: AbortSignal) {
    const now = time.toSeconds(clock.now())
    const word = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(String(config.appId ?? config.clientId))
      .setIssuedAt(now - bounds.aheadSeconds)
      .setExpirationTime(now + bounds.wordSeconds)
      .sign(key)
    return ask({ ...request, headers: headersOf(word) }, signal)
  }
  const asToken = (token: string, request: Request, signal: AbortSignal) =>
    ask({ ...request, headers: headersOf(token) }, signal)
  /** Dead already is ended. What an answer says is no proof either way. */
  const endToken = async (token: string, signal: AbortSignal) =>
    void (await asToken(
      token,
      { method: 'DELETE', path: '/installation/token', takes: [401] },
      signal,
    ))

  async function installation(signal: AbortSignal): Promise<JsonObject> {
    const path = `/app/installations/${config.installationId}`
    return objectOf((await asApp({ method: 'GET', path }, signal)).body)
  }

  /**
   * Returns once both paths took it. INVARIANT: one with more rights than were asked for, or that they
   * do not take, is ended and not handed on.
   */
  async function mint({ repositoryId, permissions }: Rights, signal: AbortSignal) {
    const path = `/app/installations/${config.installationId}/access_tokens`
    const body = { ...(repositoryId && { repository_ids: [repositoryId] }), permissions }
    const made = objectOf((await asApp({ method: 'POST', path, body }, signal)).body)
    const { token, expires_at: expires, permissions: given = {} } = made
    const diesAt = typeof expires === 'string' ? time.parseInstant(expires) : null
    if (typeof token !== 'string' || !isToken(token) || diesAt === null)
      throw refused('GitHub made no token of the form we know.')
    const isMore = ([name, level]: [string, Json]) => !covers(permissions[name], level)
    const more = Object.entries(objectOf(given)).find(isMore)
    try {
      if (more) throw refused(`GitHub gave \`${more[0]}\`, which was not asked for.`)
      for (let tries = 1; ; tries++) {
        const tried = await tryToken(token, signal)
        if (isAccepted(tried)) return { token, diesAt }
        if (tries === bounds.newTries || tried.because.length > 0) throw unclear(tried)
        await wait(bounds.newRestMs, undefined, { signal })
      }
    } catch (thrown) {
      await endToken(token, signal).catch(() => {})
      throw thrown
    }
  }

  /** Never rejects. GraphQL answers every token that lives, whatever its rights. */
  async function tryToken(token: string, signal: AbortSignal): Promise<Tried> {
    const because: string[] = []
    const say = (asked: Answered): Promise<Said> =>
      asked.then(
        ({ status }) => (status === 401 ? 'refused' : 'accepted'),
        thrown => {
          because.push(isProblem(thrown) ? thrown.detail : 'GitHub broke off.')
          return 'unclear'
        },
      )
    const all = { headers: headersOf(token), takes: [401] }
    const list = { ...all, method: 'GET', path: '/installation/repositories?per_page=1' } as const
    const body = { query: '{ rateLimit { remaining } }' }
    const query = { ...all, method: 'POST', path: '/graphql', body } as const
    const says = await Promise.all([say(ask(list, signal)), say(graph(query, signal))])
    return { rest: says[0], graph: says[1], because }
  }

  const tokens = ownTokens(mint, endToken, clock)
  /** With a token of ours, and with another where that one was ended meanwhile. */
  async function asOurs(of: Permissions, request: Request, signal: AbortSignal) {
    const token = await tokens.own(of, signal)
    const answer = await asToken(token, { ...request, takes: [401] }, signal)
    if (answer.status !== 401) return answer
    return asToken(await tokens.own(of, signal, token), request, signal)
  }
  return { config, clock, asApp, asOurs, endToken, installation, mint, tryToken, ...tokens }
}

type Mint = (of: Rights, signal: AbortSignal) => Promise<{ readonly token: string }>
type End = (token: string, signal: AbortSignal) => Promise<void>

/** Tokens of ours on all repositories, by their permissions; each the same for a while. */
function ownTokens(mint: Mint, endToken: End, clock: Pick<time.Clock, 'now'>) {
  const tokens = new Map<string, { until: time.Instant; made: ReturnType<Mint> }>()
  const own = async (of: Permissions, signal: AbortSignal, refused?: string): Promise<string> => {
    const name = JSON.stringify(of)
    const known = tokens.get(name)
    const token = await known?.made.then(made => made.token).catch(() => undefined)
    const isGood = token !== undefined && token !== refused
    if (isGood && known && clock.now() < known.until) return token
    // Meanwhile somebody else may have begun.
    if (tokens.get(name) !== known) return own(of, signal, refused)
    const made = mint({ permissions: of }, signal)
    tokens.set(name, { until: time.addSeconds(clock.now(), bounds.ownSeconds), made })
    if (token !== undefined) endToken(token, signal).catch(() => {})
    return (await made).token
  }
  return {
    own,
    async close() {
      const signal = AbortSignal.timeout(bounds.closeMs)
      const all = [...tokens.values()]
      tokens.clear()
      await Promise.allSettled(all.map(async ({ made }) => endToken((await made).token, signal)))
    },
  }
}

function headersOf(bearer: string) {
  return {
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'leasehold',
    authorization: `Bearer ${bearer}`,
  }
}

/** GitHub's prefix of an installation's token; what follows is its own business, and grew in 2026. */
export function isToken(secret: string | null): secret is string {
  return secret !== null && /^ghs_[\w.-]{36,4000}$/.test(secret)
}

export function isAccepted({ rest, graph }: Tried): boolean {
  return rest === 'accepted' && graph === 'accepted'
}

export function unclear({ because }: Tried): Problem {
  const detail = because.join(' ') || 'GitHub does not take the token that it made a moment ago.'
  return new Problem('target-unavailable', { detail, next: 'Try again.' })
}

export function objectOf(body: Json): JsonObject {
  if (isObject(body)) return body
  throw refused('GitHub answered something we do not know.')
}

export function isSame(said: Json | undefined, name: string): boolean {
  return typeof said === 'string' && said.toLowerCase() === name.toLowerCase()
}

export function refused(detail: string, next = 'Compare with docs/connectors/github.md.'): Problem {
  return new Problem('target-refused', { detail, next })
}
