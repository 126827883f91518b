/**
 * One request to an app and its answer: who asks is told, what would reach beyond the app's own address is
 * left out, pages get the bar. INVARIANT: no cookie or header of ours reaches the app, none of its own
 * speaks for us.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bounds } from './bounds.ts'
import { isOurs } from './visit.ts'

/** Headers of one connection (RFC 9110 §7.6.1), and what HTTP/2 does not carry. */
const hops =
  /^(:.*|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings|host|expect)$/
/** What an app says in our name, or about more than its own address. */
const notTheirs =
  /^(set-cookie|strict-transport-security|clear-site-data|service-worker-allowed|access-control-.*|public-key-pins.*|content-length|alt-svc|report-to|nel|server-timing)$/
const forged =
  /^(leasehold-.*|forwarded|x-forwarded-.*|x-real-ip|cookie|authorization|accept-encoding)$/

export interface Passed {
  readonly session: ClientHttp2Session
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Cookies of the app. */
  readonly cookie: string | undefined
  readonly person: string
  readonly address: string
  /** Ends when nobody may look any more. */
  readonly signal: AbortSignal
}

/** Resolves when the answer is through; rejects where the app did not give one. */
export async function pass({ session, req, res, signal, ...given }: Passed): Promise<void> {
  const hasBody =
    req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined
  const stream = session.request(headersFor(req, given), { endStream: !hasBody, signal })
  stream.setTimeout(bounds.answerMs, () => stream.destroy(new Error('no answer in time')))
  const answered = answerOf(stream)
  if (hasBody) pipeline(req, bounded(), stream).catch((error: Error) => stream.destroy(error))
  const headers = await answered
  // An answer may take as long as it likes, once it has begun.
  stream.setTimeout(0)
  const isPage =
    /^text\/html\b/i.test(String(headers['content-type'])) && !headers['content-encoding']
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !hops.test(name) && !notTheirs.test(name)) res.setHeader(name, value)
  for (const cookie of headers['set-cookie'] ?? []) keepCookie(res, cookie)
  const policy = headers['content-security-policy']
  if (isPage && policy !== undefined)
    res.setHeader('Content-Security-Policy', allowBar(String(policy), given.address))
  guard(res, isPage)
  const length = headers['content-length']
  if (!isPage && length !== undefined) res.setHeader('Content-Length', length)
  res.writeHead(headers[':status'] ?? 502)
  await pipeline(stream, isPage && req.method === 'GET' ? withBar() : plain(), res)
}

function headersFor(
  req: IncomingMessage,
  { cookie, person, address }: Pick<Passed, 'cookie' | 'person' | 'address'>,
) {
  const { protocol, host } = new URL(address)
  const passed = Object.entries(req.headers).filter(
    ([name, value]) => value !== undefined && !hops.test(name) && !forged.test(name),
  )
  return {
    ...Object.fromEntries(passed),
    ':method': req.method ?? 'GET',
    ':path': req.url ?? '/',
    ...(cookie !== undefined && { cookie }),
    'accept-encoding': 'identity',
    'leasehold-person': person,
    'x-forwarded-host': host,
    'x-forwarded-proto': protocol.slice(0, -1),
  }
}

function answerOf(
  stream: ClientHttp2Stream,
): Promise<IncomingHttpHeaders & { ':status'?: number }> {
  return new Promise((resolve, reject) => {
    stream.once('response', resolve)
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('the app closed the connection')))
  })
}

/** Of the app, for its own host alone. */
function keepCookie(res: ServerResponse, cookie: string): void {
  const parts = cookie.split(';').filter(part => !/^\s*domain\s*=/i.test(part))
  if (!isOurs(cookie)) res.appendHeader('Set-Cookie', parts.join(';'))
}

/** What holds for every page of an app, whatever it says itself. */
export function guard(res: ServerResponse, isPage: boolean): void {
  res.setHeader('X-Frame-Options', 'SAMEORIGIN')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  res.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  if (!res.hasHeader('Referrer-Policy')) res.setHeader('Referrer-Policy', 'same-origin')
  // A page that was cut is not shown again by going back.
  if (isPage || !res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'no-store')
}

function bounded(): Transform {
  let size = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      size += chunk.length
      if (size > bounds.bodyBytes) done(new Error('too large'))
      else done(null, chunk)
    },
  })
}

const plain = () => new Transform({ transform: (chunk, _, done) => done(null, chunk) })

/** A browser puts what comes after the end of a document into its body. */
const withBar = () =>
  new Transform({
    transform: (chunk, _, done) => done(null, chunk),
    flush: done => done(null, '\n<script type="module" src="/.leasehold/bar.js"></script>\n'),
  })

/**
 * The app's own policies (CSP 3, one after another by commas), each with our bar let in: one script and what
 * it asks, at their addresses. Where a policy says nothing of scripts it says nothing afterwards.
 */
export function allowBar(policies: string, address: string): string {
  const ours = [
    [`${address}/.leasehold/bar.js`, ['script-src-elem', 'script-src', 'default-src']],
    [`${address}/.leasehold/`, ['connect-src', 'default-src']],
  ] as const
  const withOurs = (policy: string) => {
    const said = new Map<string, readonly string[]>()
    for (const directive of policy.split(';')) {
      const [name = '', ...sources] = directive.trim().split(/\s+/)
      // The first of a name is the one that holds (§2.2.1).
      if (name !== '' && !said.has(name.toLowerCase())) said.set(name.toLowerCase(), sources)
    }
    for (const [source, names] of ours) {
      const held = names.map(name => said.get(name)).find(each => each !== undefined)
      const others = held?.filter(each => each.toLowerCase() !== "'none'")
      if (others !== undefined) said.set(names[0], [...others, source])
    }
    return [...said].map(([name, sources]) => [name, ...sources].join(' ')).join('; ')
  }
  return policies.split(',').map(withOurs).join(', ')
}
