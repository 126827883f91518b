/** What goes out: pages, redirects, JSON, each with the headers that keep it where it belongs. */
import type { ServerResponse } from 'node:http'
import { isProblem, type Problem, problemOf } from '../../../core/base/problem.ts'
import { bodyOf, problemTable, statusOf } from '../problems.ts'
import type { Html } from './html.ts'

/** An answer of an OAuth endpoint: `status` and a JSON body. */
export interface OauthAnswer {
  readonly status: number
  readonly body: object
}

const policy =
  "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

/**
 * For every answer of the server. `same-origin` and not `no-referrer`, which would make browsers
 * send `Origin: null` with our own forms.
 */
export function setSecurityHeaders(res: ServerResponse, isHttps: boolean): void {
  res.setHeader('Content-Security-Policy', policy)
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  res.setHeader('Permissions-Policy', 'camera=(), geolocation=(), microphone=()')
  res.setHeader('Referrer-Policy', 'same-origin')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('X-Frame-Options', 'DENY')
  if (isHttps) res.setHeader('Strict-Transport-Security', 'max-age=31536000')
}

/** Of the page that follows: its form may also lead to another origin. */
export function allowFormTo(res: ServerResponse, origin: string): void {
  const ours = "form-action 'self'"
  res.setHeader('Content-Security-Policy', policy.replace(ours, `${ours} ${origin}`))
}

export function sendPage(res: ServerResponse, page: Html, status = 200): void {
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' })
  res.end(page.html)
}

export function sendRedirect(res: ServerResponse, to: string): void {
  res.writeHead(303, { Location: to })
  res.end()
}

export function sendJson(
  res: ServerResponse,
  { status, body }: OauthAnswer,
  type = 'application/json',
): void {
  const text = JSON.stringify(body)
  // With its length known the answer is one write to the socket, and not sent in chunks.
  const length = Buffer.byteLength(text)
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': length })
  res.end(text)
}

/** RFC 9457, where no handler of the API answers. */
export function sendProblem(res: ServerResponse, problem: Problem): void {
  const body = bodyOf(problem)
  if (body.status === 401) res.setHeader('WWW-Authenticate', 'Bearer')
  sendJson(res, { status: body.status, body }, 'application/problem+json')
}

/** RFC 6749 §5.2: 400 for everything that is the client's, but what HTTP itself has a word for. */
export function oauthError(problem: Problem): OauthAnswer {
  const { oauth, status } = problemTable[problem.code]
  const keeps = status >= 405 && status !== 409 && status !== 422
  const isClient = oauth === 'invalid_client'
  const text = problem.next === undefined ? problem.detail : `${problem.detail} ${problem.next}`
  return {
    status: isClient ? 401 : keeps ? status : 400,
    body: { error: oauth, error_description: oauthText(text) },
  }
}

/** §5.2 allows printable ASCII without `"` and `\` in a description. */
function oauthText(text: string): string {
  return text.replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')
}

/** Whatever was thrown, as something that may be said; the rest is for the operator. */
export function problemFrom(thrown: unknown, warn: (text: string) => void): Problem {
  if (isProblem(thrown)) {
    if (statusOf(thrown) >= 500) warn(`${thrown.code}: ${thrown.log ?? thrown.detail}`)
    return thrown
  }
  warn(thrown instanceof Error ? (thrown.stack ?? thrown.message) : 'something was thrown')
  return problemOf('internal-fault')
}
