/**
 * What comes in at the browser and OAuth endpoints, read strictly: our own host names only, no
 * foreign origin, one meaning per request (no parameter twice, no loose encodings).
 *
 * ATTACKER: a page on the internet whose name resolves to this machine (DNS rebinding), a form on
 * another site, a proxy header sent by hand.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem, problemOf } from '../../../core/base/problem.ts'
import { readBytes } from '../body.ts'
import { bounds } from '../bounds.ts'

export interface Request {
  readonly query: Form
  readonly cookies: ReadonlyMap<string, string>
}

/** One visit to a page of ours or an OAuth endpoint. */
export interface Visit {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly request: Request
}

/** GET shows and changes nothing a person would miss; POST of a page comes from a form of ours. */
export interface VisitRoute {
  readonly get?: (visit: Visit) => Promise<void>
  readonly post?: (visit: Visit) => Promise<void>
}

/** Parameters of a form or query, each once. */
export type Form = ReadonlyMap<string, string>

export interface Hosts {
  /** `Host` values we answer to: `localhost:4400`, `127.0.0.1:4400`. */
  readonly hosts: readonly string[]
  /** Origin of pages and issuer. */
  readonly issuer: string
}

/** Problem `bad-request` for a request that was not meant for us. Applies to every route. */
export function checkHost(req: IncomingMessage, { hosts, issuer }: Hosts): void {
  const given = req.headersDistinct['host'] ?? []
  const [host] = given
  if (given.length !== 1 || host === undefined || !hosts.includes(host))
    throw problemOf('host-not-served', { issuer })
  const origin = req.headers.origin
  const scheme = issuer.slice(0, issuer.indexOf(':'))
  const isOurs = [undefined, issuer, `${scheme}://${host}`].includes(origin)
  if (!isOurs || !(req.url ?? '').startsWith('/')) throw problemOf('page-of-another-site')
}

/** What was posted from a page of ours and no other: browsers always say which page sent a form. */
export async function readOwnForm(req: IncomingMessage, issuer: string): Promise<Form> {
  if (req.headers.origin === issuer) return parseForm(await readFormText(req))
  throw problemOf('form-from-elsewhere', { issuer })
}

export function readRequest(req: IncomingMessage): Request {
  const url = req.url ?? ''
  const mark = url.indexOf('?')
  return {
    query: mark === -1 ? new Map() : parseForm(url.slice(mark + 1)),
    cookies: readCookies(req.headers.cookie ?? ''),
  }
}

/** The body as text. `application/x-www-form-urlencoded` in UTF-8 and nothing else. */
export async function readFormText(req: IncomingMessage): Promise<string> {
  const type = (req.headers['content-type'] ?? '').toLowerCase().replaceAll(' ', '')
  if (!/^application\/x-www-form-urlencoded(;charset="?utf-8"?)?$/.test(type))
    throw problemOf('body-not-a-form', { field: 'content-type' })
  if (req.headers['content-encoding'] !== undefined) throw problemOf('body-compressed')
  const body = req.iterator({ destroyOnReturn: false })
  return (await readBytes(body, bounds.tokenBodyBytes)).toString('latin1')
}

/** Throws `bad-request` for a parameter that occurs twice (RFC 6749 §3.1) or can not be decoded. */
export function parseForm(text: string): Form {
  const form = new Map<string, string>()
  const pairs = text.split('&').filter(pair => pair !== '')
  if (pairs.length > bounds.formParameters) throw unreadable('It has too many parameters.')
  for (const pair of pairs) {
    const mark = pair.indexOf('=')
    const name = decode(mark === -1 ? pair : pair.slice(0, mark))
    if (form.has(name)) throw unreadable(`\`${name.slice(0, 40)}\` occurs twice.`)
    form.set(name, mark === -1 ? '' : decode(pair.slice(mark + 1)))
  }
  return form
}

function decode(text: string): string {
  // Stands for itself (RFC 3986 §2.3); a token is long, and all of it is of these.
  if (/^[\w.~-]*$/.test(text)) return text
  let value: string
  try {
    value = decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw unreadable('A parameter is not valid percent-encoded UTF-8.')
  }
  if (/[^\x20-\x7e]/.test(text) || /\p{Cc}/u.test(value))
    throw unreadable('A parameter holds control or raw characters.')
  return value
}

function unreadable(detail: string): Problem {
  return new Problem('bad-request', { detail: `The request can not be read. ${detail}` })
}

/** A cookie sent twice is nobody's: one of the two was planted. */
export function readCookies(header: string): Map<string, string> {
  const cookies = new Map<string, string>()
  const doubled = new Set<string>()
  for (const part of header.split(';')) {
    const mark = part.indexOf('=')
    if (mark === -1) continue
    const name = part.slice(0, mark).trim()
    if (cookies.has(name)) doubled.add(name)
    cookies.set(name, part.slice(mark + 1).trim())
  }
  for (const name of doubled) cookies.delete(name)
  return cookies
}
