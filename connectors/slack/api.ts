/**
 * Slack's Web API, as we ask it: a token in a header, never in an address.
 *
 * INVARIANT: Slack says most of its errors with HTTP 200. An answer is taken for a yes only where it
 * says `ok: true`.
 */
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { type Fetch, refusalsOf, restClient } from '../rest/client.ts'
import { type Tried, tried } from '../rest/whole.ts'
import type { SlackConfig } from './config.ts'

export interface Call {
  readonly as: string
  /** `auth.test` */
  readonly method: string
  readonly query?: Readonly<Record<string, string>>
  /** Secrets go here: a query is written into logs on the way. */
  readonly form?: Readonly<Record<string, string>>
}

/** `error` is Slack's own word, where it said no. */
export interface Answer {
  readonly body: JsonObject
  readonly error: string | null
}

export const refused = refusalsOf('Slack')

/** docs.slack.dev/reference/methods/auth.test: the token, or who it was given to, is no more. */
const dead = ['token_revoked', 'account_inactive', 'invalid_auth']
/** It may have happened, or may happen the next time. */
const passing = ['ratelimited', 'internal_error', 'fatal_error', 'service_unavailable'].concat([
  'request_timeout',
  'team_added_to_org',
])

export type Slack = ReturnType<typeof openSlack>

export function openSlack(config: SlackConfig, via?: Fetch) {
  const ask = restClient('Slack', new URL(config.url), via)

  async function call({ as, method, query, form }: Call, signal: AbortSignal): Promise<Answer> {
    const headers = { authorization: `Bearer ${as}` }
    const path = `/api/${method}?${new URLSearchParams(query).toString()}`
    const request = form ? { method: 'POST' as const, form } : { method: 'GET' as const }
    const { body } = await ask({ ...request, path, headers }, signal)
    if (!isObject(body) || typeof body['ok'] !== 'boolean')
      throw unavailable('answered something that is no answer of its API')
    if (body['ok']) return { body, error: null }
    const error = wordOf(body['error'])
    if (passing.includes(error)) throw unavailable(`says \`${error}\``)
    return { body, error }
  }

  /** Throws where Slack said no. */
  function agreed({ body, error }: Answer, method: string): JsonObject {
    if (error === null) return body
    const scope = error === 'missing_scope' ? ` It takes \`${wordOf(body['needed'])}\`.` : ''
    throw refused(`Slack says \`${error}\` to ${method}.${scope}`)
  }

  /** Whose a token is. */
  async function whoIs(as: string, signal: AbortSignal) {
    const method = 'auth.test'
    const { user_id: user, team_id: team } = agreed(await call({ as, method }, signal), method)
    if (typeof user === 'string' && typeof team === 'string') return { user, team }
    throw refused('Slack does not say whose this token is.')
  }

  /** Never rejects. Refused is what says that the token is no more, and nothing else. */
  function tryToken(as: string, signal: AbortSignal): Promise<Tried> {
    const ask = async () => {
      const answer = await call({ as, method: 'auth.test' }, signal)
      if (isDead(answer.error)) return 'refused'
      agreed(answer, 'auth.test')
      return 'accepted'
    }
    return tried(ask())
  }

  return { config, call, agreed, whoIs, tryToken }
}

export function isDead(error: string | null): boolean {
  return error !== null && dead.includes(error)
}

/** ATTACKER: an answer that repeats what it was sent. Only a word is ever shown. */
function wordOf(said: Json | undefined): string {
  return typeof said === 'string' && /^[a-z][a-z_.:,-]{1,60}$/.test(said) ? said : 'no'
}

function unavailable(what: string): Problem {
  return new Problem('target-unavailable', { detail: `Slack ${what}.`, next: 'Try again.' })
}
