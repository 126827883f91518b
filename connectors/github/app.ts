/**
 * Who we are at GitHub: an App, which signs for itself and makes tokens of its installation. Those that
 * are for our own looks live in memory, are few, and are ended when they are replaced.
 */
import { createPrivateKey } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import * as time from '../../src/core/base/time.ts'
import { covers, type GithubConfig, type Permissions } from './config.ts'
import { isAccepted, isToken, openTokens, type Request, type Tokens, unclear } from './token.ts'

const bounds = {
  /** GitHub takes an App's word for ten minutes at most, and its clock may be behind ours. */
  wordSeconds: 540,
  aheadSeconds: 60,
  /** A token of our own is used so long, then another is made. */
  ownSeconds: 900,
  /** For ending what must not be left, when the time of the call is over. */
  endMs: 2_000,
  /** GitHub's replicas know a new token a moment later. */
  newTries: 5,
  newRestMs: 500,
}
/** For ending a token of our own, whatever became of the call it was for. */
export const briefly = () => AbortSignal.timeout(bounds.endMs)

export type App = ReturnType<typeof openApp>
interface Rights {
  readonly repositoryId?: number
  readonly permissions: Permissions
}

export function openApp(config: GithubConfig, clock: Pick<time.Clock, 'now'>) {
  const tokens = openTokens(new URL(config.url))
  const key = createPrivateKey(config.privateKeyPem)
  const home = `/app/installations/${config.installationId}`

  async function asApp(request: Request, signal: AbortSignal): Promise<JsonObject> {
    const now = time.toSeconds(clock.now())
    const word = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(String(config.appId ?? config.clientId))
      .setIssuedAt(now - bounds.aheadSeconds)
      .setExpirationTime(now + bounds.wordSeconds)
      .sign(key)
    return objectOf((await tokens.asToken(word, request, signal)).body)
  }

  /**
   * Returns once both paths took it. INVARIANT: one with more rights than were asked for, or that they
   * do not take, is ended and not handed on.
   */
  async function mint({ repositoryId, permissions }: Rights, signal: AbortSignal) {
    const body = { ...(repositoryId && { repository_ids: [repositoryId] }), permissions }
    const made = await asApp({ method: 'POST', path: `${home}/access_tokens`, body }, signal)
    const { token, expires_at: expires, permissions: given = {} } = made
    const diesAt = typeof expires === 'string' ? time.parseInstant(expires) : null
    if (typeof token !== 'string' || !isToken(token) || diesAt === null)
      throw refused('GitHub made no token of the form we know.')
    const isMore = ([name, level]: [string, Json]) => !covers(permissions[name], level)
    try {
      const more = Object.entries(objectOf(given)).find(isMore)
      if (more) throw refused(`GitHub gave \`${more[0]}\`, which was not asked for.`)
      for (let tries = 1; ; tries++) {
        const tried = await tokens.tryToken(token, signal)
        if (isAccepted(tried)) return { token, diesAt }
        if (tries === bounds.newTries || tried.because.length > 0) throw unclear(tried)
        await wait(bounds.newRestMs, undefined, { signal })
      }
    } catch (thrown) {
      await tokens.endToken(token, briefly()).catch(() => {})
      throw thrown
    }
  }

  const installation = (signal: AbortSignal) => asApp({ method: 'GET', path: home }, signal)
  return {
    config,
    clock,
    ...tokens,
    asApp,
    installation,
    mint,
    ...ourTokens({ ...tokens, mint, clock }),
  }
}

interface Making extends Pick<Tokens, 'asToken' | 'endToken'> {
  readonly mint: (of: Rights, signal: AbortSignal) => Promise<{ readonly token: string }>
  readonly clock: Pick<time.Clock, 'now'>
}

/** On all repositories, by their permissions; each the same for a while. */
function ourTokens({ mint, asToken, endToken, clock }: Making) {
  const held = new Map<string, { until: time.Instant; made: ReturnType<Making['mint']> }>()
  const own = async (of: Permissions, signal: AbortSignal, refused?: string): Promise<string> => {
    const name = JSON.stringify(of)
    const known = held.get(name)
    const token = await known?.made.then(made => made.token).catch(() => undefined)
    const isGood = token !== undefined && token !== refused
    if (isGood && known && clock.now() < known.until) return token
    // Meanwhile somebody else may have begun.
    if (held.get(name) !== known) return own(of, signal, refused)
    const made = mint({ permissions: of }, signal)
    held.set(name, { until: time.addSeconds(clock.now(), bounds.ownSeconds), made })
    if (token !== undefined) endToken(token, briefly()).catch(() => {})
    return (await made).token
  }
  /** Does it with a token of ours; and with another where that one is refused: others ended it. */
  async function withOurs<T>(
    { of, signal }: { of: Permissions; signal: AbortSignal },
    use: (token: string) => Promise<T>,
    isRefused: (answer: T) => boolean,
  ): Promise<T> {
    const token = await own(of, signal)
    const answer = await use(token)
    return isRefused(answer) ? use(await own(of, signal, token)) : answer
  }
  return {
    withOurs,
    async read(path: string, of: Permissions, signal: AbortSignal) {
      const get = { method: 'GET', path, takes: [401] } as const
      const ask = (token: string) => asToken(token, get, signal)
      const answer = await withOurs({ of, signal }, ask, ({ status }) => status === 401)
      if (answer.status !== 401) return answer
      throw refused('GitHub does not take a token that it made for us a moment ago.')
    },
    async close(): Promise<void> {
      const all = [...held.values()]
      held.clear()
      await Promise.allSettled(all.map(async ({ made }) => endToken((await made).token, briefly())))
    },
  }
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
