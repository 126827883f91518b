/**
 * A bounded client for systems that speak JSON over HTTP: one address, an answer of bounded size, in
 * the time of the caller's signal. Not for what callers send through the gateway.
 *
 * INVARIANT: nothing is sent anywhere but below `base`, no redirect is followed, and no text that is
 * thrown holds a credential, an address or a word of what was answered.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { isObject, type Json, parseJson } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import type { Credential } from '../../src/core/target/target.ts'

export const bounds = {
  answerBytes: 4 * 1024 * 1024,
  /** A system that asks us to come back later than this is unavailable now. */
  restMs: 10_000,
  /** Where it says that it is too much, and not when to come back. */
  unsaidRestMs: 60_000,
  tries: 4,
} as const

export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query below the base. */
  readonly path: string
  readonly headers: Credential
  readonly body?: Json
  /** Instead of `body`, where a system takes no JSON. Nothing of it is in an address. */
  readonly form?: Readonly<Record<string, string>>
  /** Answers that are no trouble beside 2xx. */
  readonly takes?: readonly number[]
}

export interface RestAnswer {
  readonly status: number
  /** Null where nothing, or no JSON, was answered. */
  readonly body: Json
  /** Path and query of the next page (RFC 8288). Throws where that is elsewhere than what was connected. */
  readonly next: () => string | null
}

/** How a request goes out: `fetch` itself, or one that lets fewer through. */
export type Fetch = typeof fetch

export type Ask = (request: RestRequest, signal: AbortSignal) => Promise<RestAnswer>

/**
 * `name` is the system's, for people. Problem `target-unavailable` where it does not answer well or in
 * time, `target-refused` where it says no; what was sent may have happened all the same.
 */
export function restClient(name: string, base: URL, via: Fetch = fetch): Ask {
  return async (request, signal) => {
    for (let tries = 1; ; tries++) {
      const { answer, headers } = await send(name, { base, via, request, signal })
      const restMs = restOf(answer, headers, request.takes)
      if (restMs === undefined) return judge(name, answer, request.takes)
      // Nothing was done yet: what is too much is refused before it is read.
      const limited = unavailable(name, 'has had too many requests from us')
      if (tries === bounds.tries || restMs > bounds.restMs) throw limited
      await wait(restMs, undefined, { signal }).catch(() => Promise.reject(limited))
    }
  }
}

interface Sending {
  readonly base: URL
  readonly via: Fetch
  readonly request: RestRequest
  readonly signal: AbortSignal
}

async function send(name: string, { base, via, request, signal }: Sending) {
  const { method, path, headers: given, body, form } = request
  const url = below(name, base, path)
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  // `fetch` names the type of a form itself.
  const sent = form ? new URLSearchParams(form) : body !== undefined && JSON.stringify(body)
  try {
    const headers = { accept: 'application/json', ...type, ...given }
    const init = { method, headers, signal, redirect: 'manual' } as const
    const got = await via(url, sent === false ? init : { ...init, body: sent })
    const text = await readText(got)
    const { status } = got
    const isJson = /\bjson\b/.test(got.headers.get('content-type') ?? '') && text !== ''
    const said = isJson ? parseJson(text, bounds.answerBytes) : null
    const answer = { status, body: said, next: () => nextOf(name, base, got.headers) }
    return { answer, headers: got.headers }
  } catch (thrown) {
    if (isProblem(thrown, 'target-refused')) throw thrown
    throw unavailable(name, 'did not answer, or broke off', thrown)
  }
}

async function readText({ body }: Response): Promise<string> {
  let text = ''
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part
    if (text.length > bounds.answerBytes) throw new Error('the answer is too large')
  }
  return text
}

/** ATTACKER: a path or a link that leads elsewhere, where our credential would be sent. */
function below(name: string, base: URL, path: string): URL {
  const root = base.pathname.replace(/\/$/, '')
  const url = URL.parse(`${base.origin}${root}${path}`)
  const isBelow = url?.origin === base.origin && url.pathname.startsWith(`${root}/`)
  if (url !== null && isBelow && /^\/(?!\/)/.test(path)) return url
  throw refused(name, 'names an address that is not below the one that was connected')
}

function nextOf(name: string, base: URL, headers: Headers): string | null {
  const [, target] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(headers.get('link') ?? '') ?? []
  if (target === undefined) return null
  const url = URL.parse(target, base)
  const path = url && url.pathname.slice(base.pathname.replace(/\/$/, '').length) + url.search
  if (path !== null && below(name, base, path).href === url?.href) return path
  throw refused(name, 'names a next page that is not below the address that was connected')
}

/** How long to rest before the same again; undefined: it was not too much. */
function restOf(
  { status, body }: RestAnswer,
  headers: Headers,
  takes: readonly number[] = [],
): number | undefined {
  const after = headers.get('retry-after')
  // Where a system says so of a quota as well, whoever asks tells them apart.
  if (after === null && takes.includes(429) && status === 429) return undefined
  const says = isObject(body) && typeof body['message'] === 'string' ? body['message'] : ''
  const isSpent = headers.get('x-ratelimit-remaining') === '0' || /rate limit/i.test(says)
  if (status !== 429 && !(status === 403 && (after !== null || isSpent))) return undefined
  return /^\d{1,6}$/.test(after ?? '') ? Number(after) * 1000 : bounds.unsaidRestMs
}

function judge(name: string, answer: RestAnswer, takes: readonly number[] = []): RestAnswer {
  const { status } = answer
  if ((status >= 200 && status < 300) || takes.includes(status)) return answer
  if (status >= 500) throw unavailable(name, `answered ${status}`)
  if (status === 401) throw refused(name, 'does not take our credential')
  if (status === 403) throw refused(name, 'says that our credential has no right to this')
  if (status < 400) throw refused(name, 'points elsewhere: what was named has moved')
  throw refused(name, status === 404 ? 'does not show us this' : `answered ${status}`)
}

function unavailable(name: string, what: string, cause?: unknown): Problem {
  return new Problem('target-unavailable', {
    detail: `${name} ${what}.`,
    next: 'Try again; what was begun there is looked at and cleaned up.',
    ...(cause instanceof Error && { log: cause.name, cause }),
  })
}

function refused(name: string, what: string): Problem {
  return refusalsOf(name)(`${name} ${what}.`)
}

/** What a connector refuses by itself, with the page that says what it takes. */
export function refusalsOf(name: string) {
  const page = `Compare what we may do there with docs/connectors/${name.toLowerCase()}.md.`
  return (detail: string, next = page) => new Problem('target-refused', { detail, next })
}
