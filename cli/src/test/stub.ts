/**
 * A server of our own making, small and obedient: answers what it is told, remembers what it was
 * asked. Its bodies are typed by the contract, so that a contract that moves breaks the tests first.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly token: string | undefined
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

export interface Said {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

/** A body, or a function that makes what is said. */
export type Answers = Record<string, unknown>

export interface Stub {
  readonly url: string
  readonly asked: Asked[]
  /** By `METHOD /path`, without the query. */
  readonly answers: Answers
  stop(): Promise<void>
}

export async function startStub(answers: Answers = {}): Promise<Stub> {
  const asked: Asked[] = []
  const server = createServer((req, res) => {
    // Who asked may be gone before it has said everything: nobody is left to answer.
    answer(req, res, { asked, answers }).catch(() => res.destroy())
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    answers,
    stop: async () => {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

async function answer(
  req: IncomingMessage,
  res: ServerResponse,
  { asked, answers }: Pick<Stub, 'asked' | 'answers'>,
): Promise<void> {
  let body = ''
  for await (const chunk of req) body += String(chunk)
  const token = /^Bearer (.*)$/.exec(req.headers.authorization ?? '')?.[1]
  const path = req.url ?? ''
  const one = { method: req.method ?? '', path, token, body, headers: req.headers }
  asked.push(one)
  const known = answers[`${one.method} ${path.split('?')[0]}`]
  const said =
    typeof known === 'function'
      ? await (known as (asked: Asked) => Promise<Said>)(one)
      : known === undefined
        ? { status: 404, body: problem('not-found', 404, 'There is no such thing.') }
        : { body: known }
  const text = typeof said.body === 'string' ? said.body : JSON.stringify(said.body)
  res
    .writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers })
    .end(text)
}

export function problem(code: string, status: number, detail: string, more: object = {}): object {
  return {
    type: `/problems/${code}`,
    title: code,
    status,
    code,
    detail,
    requestId: 'req-1',
    ...more,
  }
}
