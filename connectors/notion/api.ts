/**
 * Notion's three doors, as we ask them: the API with a token, the OAuth endpoints of a public connection
 * with its client, and the Admin API of an Enterprise organization.
 */
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import {
  type Fetch,
  type RestAnswer,
  type RestRequest,
  refusalsOf,
  restClient,
} from '../rest/client.ts'
import { type Tried, tried } from '../rest/whole.ts'
import type { NotionConfig } from './config.ts'

/** The revisions of the two APIs whose answers we know. */
const versions = { api: '2025-09-03', admin: '2026-06-01' }
const most = { pages: 50 }
const me = { method: 'GET', path: '/v1/users/me' } as const

export const refused = refusalsOf('Notion')

type Request = Omit<RestRequest, 'headers'>
export interface Row extends JsonObject {
  readonly id: string
}
export interface Page {
  readonly rows: readonly Row[]
  readonly next: string
}

export interface Notion {
  readonly config: NotionConfig
  readonly ask: (
    who: { readonly as: string; readonly version?: string },
    request: Request,
    signal: AbortSignal,
  ) => Promise<RestAnswer>
}

/** `as` is the whole of an `authorization`. */
export function openNotion(config: NotionConfig, via?: Fetch): Notion {
  const ask = restClient('Notion', new URL(config.url), via)
  return {
    config,
    ask: ({ as: authorization, version = versions.api }, request, signal) =>
      ask({ ...request, headers: { authorization, 'notion-version': version } }, signal),
  }
}

const bearer = (token: string) => ({ as: `Bearer ${token}` })

/** The bot a token is of. */
export async function botOf(notion: Notion, token: string, signal: AbortSignal): Promise<string> {
  const { id } = objectOf((await notion.ask(bearer(token), me, signal)).body)
  if (typeof id === 'string' && /^[\w-]{1,60}$/.test(id)) return id
  throw refused('Notion does not say whose this token is.')
}

/** Never rejects. 401 alone is a refusal. */
export function tryToken(notion: Notion, token: string, signal: AbortSignal): Promise<Tried> {
  const asked = notion.ask(bearer(token), { ...me, takes: [401] }, signal)
  return tried(asked.then(({ status }) => (status === 401 ? 'refused' : 'accepted')))
}

/** RFC 7662: inactive is a statement of Notion's, to a client that it knows. */
export async function isActive(notion: Notion, signal: AbortSignal): Promise<boolean> {
  const { active } = objectOf((await asClient(notion, 'introspect', signal)).body)
  if (typeof active === 'boolean') return active
  throw refused('Notion does not say whether the token is active.')
}

/** Of our token, with our client. To revoking, 400 is of one that is no more. */
export function asClient(
  { config, ask }: Notion,
  what: 'introspect' | 'revoke',
  signal: AbortSignal,
) {
  if (config.connection !== 'public') throw refused('This is no public connection.')
  const { clientId, clientSecret, token } = config
  const as = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const takes = what === 'revoke' ? [400] : []
  const path = `/v1/oauth/${what}`
  return ask({ as }, { method: 'POST', path, body: { token }, takes }, signal)
}

export async function users(notion: Notion, at: string, signal: AbortSignal): Promise<Page> {
  const request = { method: 'GET', path: `/v1/users${queryOf(at)}` } as const
  return pageOf((await notion.ask(bearer(notion.config.token), request, signal)).body)
}

export async function personalTokens(
  notion: Notion,
  at: string,
  signal: AbortSignal,
): Promise<Page> {
  return pageOf((await asAdmin(notion, { method: 'GET', path: queryOf(at) }, signal)).body)
}

/** Is the one of this bot in the list, and not said to be over there. */
export async function isLivingToken(notion: Notion, bot: string, signal: AbortSignal) {
  for (let [at, pages] = ['', 0]; pages < most.pages; pages++) {
    const { rows, next } = await personalTokens(notion, at, signal)
    const found = rows.find(({ id }) => id === bot)
    if (found !== undefined) return isLiving(found)
    if (next === '') return false
    at = next
  }
  throw refused('The list of personal access tokens is longer than we read.')
}

/** Of the personal access tokens of the workspace; the path is below their list. */
export function asAdmin({ config: { admin }, ask }: Notion, request: Request, signal: AbortSignal) {
  if (admin === undefined) throw refused('No `admin` is connected.')
  const path = `/admin/v1/spaces/${admin.spaceId}/personal_access_tokens${request.path}`
  return ask({ ...bearer(admin.token), version: versions.admin }, { ...request, path }, signal)
}

/** What was revoked or has expired stays in the list, and is said to be. */
export function isLiving({ status }: Row): boolean {
  return status !== 'revoked' && status !== 'expired'
}

function queryOf(at: string): string {
  const start = at === '' ? '' : `&start_cursor=${encodeURIComponent(at)}`
  return `?page_size=100${start}`
}

function pageOf(body: Json): Page {
  const { results, has_more: isMore, next_cursor: next } = objectOf(body)
  if (!Array.isArray(results)) throw refused('Notion answered something that is no list.')
  const isRow = (row: Json): row is Row => isObject(row) && typeof row['id'] === 'string'
  const goesOn = isMore === true && typeof next === 'string'
  return { rows: results.filter(isRow), next: goesOn ? next : '' }
}

function objectOf(body: Json): JsonObject {
  if (isObject(body)) return body
  throw refused('Notion answered something we do not know.')
}
