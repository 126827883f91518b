/**
 * A request on its way to a target and the answer back. INVARIANT: of the caller's credentials nothing
 * goes on, of ours nothing comes back; no redirect is followed, no other address is reached.
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as plain } from 'node:http'
import { Agent as SecureAgent, request as secure } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { problemOf } from '../../../core/base/problem.ts'
import type { Credential, Upstream } from '../../../core/target/target.ts'
import { bounds } from '../bounds.ts'

const agents = {
  'http:': new Agent({ keepAlive: true, maxSockets: bounds.upstreamSockets }),
  'https:': new SecureAgent({ keepAlive: true, maxSockets: bounds.upstreamSockets }),
}

export interface Outgoing {
  readonly method: string
  /** Path and query, as sent. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer | Readable
}

/** Of one connection, of who asks, of where it came from: the caller's own business. */
const kept =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length|accept-encoding|expect|authorization|x-api-key|cookie|forwarded|x-forwarded-.*|x-real-ip|via|origin|referer)$/
const keptBack =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|set-cookie|www-authenticate|authentication-info|location|strict-transport-security|alt-svc|access-control-.*|content-security-policy.*|cross-origin-.*|clear-site-data|refresh|x-frame-options|service-worker-allowed)$/

/** Problem `target-unavailable` where nothing answers, `target-refused` where our credential is not taken. */
export async function send({ url, credential }: Upstream, outgoing: Outgoing, signal: AbortSignal) {
  const ours = await credential()
  const first = await ask(url, ours, outgoing, signal)
  // A 401 has done nothing yet: what can be sent again is, once, with another credential.
  const isDue = first.statusCode === 401 && Buffer.isBuffer(outgoing.body)
  if (isDue) first.destroy()
  const other = isDue ? await credential(ours) : ours
  const answer = other === ours ? first : await ask(url, other, outgoing, signal)
  const { statusCode: status = 502 } = answer
  if (status !== 401 && status !== 407 && (status < 300 || status > 399)) return answer
  answer.destroy()
  throw status < 400 ? problemOf('target-points-elsewhere') : problemOf('target-refuses-us')
}

async function ask(
  url: URL,
  ours: Credential,
  { method, path, headers, body }: Outgoing,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const isSecure = url.protocol === 'https:'
  const given = Object.entries(headers).filter(([name]) => !kept.test(name))
  const length = Buffer.isBuffer(body) && method !== 'GET' ? { 'content-length': body.length } : {}
  const sent = { ...Object.fromEntries(given), 'accept-encoding': 'identity', ...length, ...ours }
  return new Promise<IncomingMessage>((resolve, reject) => {
    const { hostname, port } = url
    const host = hostname.replace(/^\[|\]$/g, '')
    const agent = isSecure ? agents['https:'] : agents['http:']
    const asked = (isSecure ? secure : plain)({
      host,
      port,
      method,
      path,
      agent,
      headers: sent,
      signal,
      maxHeaderSize: bounds.webHeaderBytes,
    })
    // Silence: a stream that is open keeps itself alive.
    asked.setTimeout(bounds.upstreamSilentMs, () => asked.destroy(new Error('silent')))
    asked.once('response', resolve).once('error', reject)
    if (Buffer.isBuffer(body)) asked.end(body)
    else pipeline(body, asked).catch(reject)
  }).catch((cause: unknown) => {
    throw problemOf('target-unreachable', { cause })
  })
}

export function headersBack({ headers }: IncomingMessage): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !keptBack.test(name)))
}
