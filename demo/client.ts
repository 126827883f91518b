/** The demo is a client like any other: it speaks to the server over HTTP, with a person's or a task's token. */
import type { DenialView, ProblemBody } from '../src/doors/api/contract.ts'

export interface Client {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  /** Puts bytes as they are. */
  file(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>
  /** As it was sent: for files. */
  text(path: string): Promise<string>
}

/** What the server refused, with what it said. */
export class Refused extends Error {
  readonly status: number
  readonly problem: ProblemBody
  constructor(status: number, problem: ProblemBody) {
    super(
      `${status} ${problem.code}: ${problem.detail}${problem.next === undefined ? '' : ` ${problem.next}`}`,
    )
    this.status = status
    this.problem = problem
  }
  get denial(): DenialView | undefined {
    return this.problem.denial
  }
}

/** With a token; or as pages of ours do, with what their browser sends along. */
export function clientOf(address: string, as: string | Record<string, string>): Client {
  const shown = typeof as === 'string' ? { authorization: `Bearer ${as}` } : as
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetchAgain(`${address}${path}`, {
      method,
      headers: {
        ...shown,
        ...(body === undefined || isBytes(body) ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isBytes(body) ? body : JSON.stringify(body) }),
    })
    if (!response.ok) throw new Refused(response.status, await problemOf(response))
    return response
  }
  const json = async <T>(response: Promise<Response>) => (await (await response).json()) as T
  return {
    get: path => json(call('GET', path)),
    post: (path, body, headers) => json(call('POST', path, body, headers)),
    put: (path, body) => json(call('PUT', path, body)),
    file: async (path, bytes) => void (await call('PUT', path, bytes)),
    text: async path => (await call('GET', path)).text(),
  }
}

function isBytes(body: unknown): body is Uint8Array<ArrayBuffer> {
  return body instanceof Uint8Array
}

async function problemOf(response: Response): Promise<ProblemBody> {
  const text = await response.text()
  if (response.headers.get('content-type') === 'application/problem+json')
    return JSON.parse(text) as ProblemBody
  return {
    type: '',
    title: text,
    status: response.status,
    code: 'internal',
    detail: text,
    requestId: '',
  }
}

/** Client and server are one process: on a busy machine a connection is closed just as it is used again. */
async function fetchAgain(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    if (cause?.code !== 'ECONNRESET') throw error
    return fetch(url, init)
  }
}

export interface ExchangeAnswer {
  readonly ok: boolean
  readonly body: {
    readonly access_token?: string
    readonly error?: string
    readonly error_description?: string
    readonly [name: string]: unknown
  }
}

/** RFC 8693 with a CI token, as a workflow would. */
export async function exchangeToken(
  address: string,
  ciToken: string,
  form: Record<string, string>,
): Promise<ExchangeAnswer> {
  const response = await fetchAgain(`${address}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: ciToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      ...form,
    }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return {
    ok: response.ok,
    body: isJson ? (JSON.parse(text) as ExchangeAnswer['body']) : { error: text },
  }
}
