/**
 * The server, over HTTP. INVARIANT: a credential goes to the one origin of its profile; redirects
 * are not followed; every answer is bounded in time and size. Its refusals become our Problems.
 */
import type { ProblemBody } from '../../src/doors/api/contract.ts'
import { type Credential, showing, tokenOf } from './dpop.ts'
import { exits, Problem, problem } from './problem.ts'

const maxBytes = 16 * 1024 * 1024

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Begins with one slash. */
  readonly path: string
  readonly token?: Credential | undefined
  /** A proof of a key, where a token is asked for. */
  readonly proof?: string | undefined
  readonly json?: unknown
  /** In place of JSON: a file as it is. */
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly form?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** Posted, and yet nothing changes: done even with --dry-run. */
  readonly isLook?: boolean
}

/** `skewMs`: the server's clock less ours. */
export type Reply = { status: number; text: string; skewMs: number }

/** Answers are of the contract's types: callers say which. */
export interface Api {
  get(path: string): Promise<unknown>
  post(path: string, json: unknown, more?: Partial<Call>): Promise<unknown>
}

/** `token`: undefined where nobody is signed in; `force` when the last one was refused. */
export function makeApi(
  origin: URL,
  isDryRun: boolean,
  token: (force: boolean) => Promise<Credential | undefined>,
): Api {
  const call = async (what: Call): Promise<unknown> => {
    const first = await token(false)
    const reply = await request(origin, { ...what, token: first })
    const fresh = reply.status === 401 && first !== undefined ? await token(true) : first
    const isOld = tokenOf(fresh) === tokenOf(first)
    return parse(accept(isOld ? reply : await request(origin, { ...what, token: fresh })))
  }
  return {
    get: path => call({ method: 'GET', path }),
    post: async (path, json, more) => {
      const what = { method: 'POST', path, json, ...more } as const
      if (!isDryRun || more?.isLook === true) return call(what)
      // What signs in at a target is shown nowhere.
      const shown = JSON.stringify(json, (key, value: unknown) => (key === 'config' ? '…' : value))
      throw problem('LH-DRY-00', { what: `${what.method} ${path} ${shown}` })
    },
  }
}

export async function request(origin: URL, call: Call): Promise<Reply> {
  const url = new URL(call.path, origin)
  const elsewhere = () => problem('LH-NET-12', { host: origin.host })
  if (url.origin !== origin.origin) throw elsewhere()
  try {
    const response = await fetch(url, {
      method: call.method,
      ...contentOf(call, url),
      redirect: 'manual',
      signal: AbortSignal.timeout(call.timeoutMs ?? 10_000),
    })
    if (response.status >= 300 && response.status < 400) throw elsewhere()
    const skewMs = Date.parse(response.headers.get('date') ?? '') - Date.now()
    return { status: response.status, text: await readBounded(response), skewMs: skewMs || 0 }
  } catch (error) {
    throw error instanceof Problem ? error : unreachable(origin, error)
  }
}

function contentOf({ method, json, form, bytes, token, proof }: Call, url: URL): RequestInit {
  const shown = token === undefined ? {} : showing(token, method, url)
  const headers = new Headers({ accept: 'application/json', ...shown })
  if (proof !== undefined) headers.set('dpop', proof)
  if (form !== undefined) return { headers, body: new URLSearchParams(form) }
  if (bytes !== undefined) return { headers, body: bytes }
  if (json === undefined) return { headers }
  headers.set('content-type', 'application/json')
  return { headers, body: JSON.stringify(json) }
}

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > maxBytes) throw new Error('the answer is too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

export function parse({ text, status }: Reply): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw problem('LH-NET-13', { status: String(status) })
  }
}

type Refusal = { error: string; error_description: string; decision: string }

/** RFC 9457 from our API, RFC 6749 from the token endpoint. */
export function accept(reply: Reply): Reply {
  const { status, skewMs } = reply
  if (status >= 200 && status < 300) return reply
  const minutes = Math.round(Math.abs(skewMs) / 60_000)
  if (status === 401 && minutes > 1) throw problem('LH-CLOCK-10', { minutes: String(minutes) })
  const body = parse(reply) as Partial<ProblemBody & Refusal>
  const { denial, field, code = body.error } = body
  if (code === undefined) throw problem('LH-NET-13', { status: String(status) })
  const detail = body.detail ?? body.error_description ?? code
  if (/^(not-signed-in|token-refused)$/.test(code)) throw problem('LH-AUTH-01', {})
  throw new Problem({
    code,
    exit: exitBy[code] ?? exitBy[status] ?? exits.failed,
    what: denial === undefined ? detail : `Denied: ${denial.what}`,
    why: field === undefined ? undefined : `The field \`${field}\` is at fault.`,
    next: denial
      ? `leasehold why ${denial.shortId}`
      : (body.next ?? `leasehold ${status === 404 ? 'ls' : 'doctor'}`),
    ref: denial?.shortId ?? body.decision ?? body.requestId,
    denial,
  })
}

/** Codes first; of the rest the status says enough. */
const exitBy: Readonly<Record<string, number>> = {
  denied: exits.denied,
  access_denied: exits.denied,
  'approval-needed': exits.waiting,
  'human-required': exits.needsPerson,
  'rate-limited': exits.tryAgain,
  stale: exits.tryAgain,
  'invalid-field': exits.usage,
  400: exits.usage,
  401: exits.notSignedIn,
  500: exits.internal,
  503: exits.unreachable,
}

function unreachable(origin: URL, cause: unknown): Problem {
  const isLate = cause instanceof Error && cause.name === 'TimeoutError'
  const how = isLate ? 'no answer in time' : (codeOf(cause) ?? 'the connection broke')
  const isHere = origin.hostname === '127.0.0.1'
  const next = isHere ? 'Start it: npm start (the demo), or leasehold serve' : 'leasehold doctor'
  return problem('LH-NET-05', { host: origin.host, how, next }, cause)
}

/** The innermost system code: what broke, not who told us. */
function codeOf(error: unknown): string | undefined {
  const { cause, errors, code } = Object(error) as {
    cause?: unknown
    errors?: unknown[]
    code?: string
  }
  const inner = errors?.[0] ?? cause
  return (inner === undefined ? undefined : codeOf(inner)) ?? code
}
