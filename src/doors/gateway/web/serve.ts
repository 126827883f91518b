/**
 * HTTP on the bytes of one tunnel: who speaks must show the word of the run with every request, and
 * come from the machine it runs on. What is asked is judged by `http.ts` or `mcp/`.
 *
 * ATTACKER: another program on that machine, or a page in its browser (DNS rebinding): neither has the
 * word, and a foreign `Host` or `Origin` is refused before anything is read.
 */
import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { sha256 } from '../../../core/base/hash.ts'
import { isProblem, problemOf } from '../../../core/base/problem.ts'
import type { Passage, Passed } from '../../../core/target/target.ts'
import { bodyOf } from '../../api/problems.ts'
import { bounds } from '../bounds.ts'

export type Answer = (
  req: IncomingMessage,
  res: ServerResponse,
  signal: AbortSignal,
) => Promise<void>

/** Never rejects; closes the tunnel. `broke`: what is no Problem, for us. */
export async function serveWeb(
  passage: Passage,
  answer: Answer,
  broke: (thrown: unknown) => void,
): Promise<Passed> {
  const { caller, signal, word } = passage
  const { under, handle, isAdmitted } = requestsOf(passage, answer, broke)
  const server = createServer({ maxHeaderSize: bounds.webHeaderBytes, keepAliveTimeout: 0 })
  server.on('request', (req, res) => {
    void handle(req, res, () => {
      checkPlace(req)
      checkWord(req, word)
    })
  })
  server.on('clientError', () => caller.destroy())
  const closed = once(caller, 'close')
  // Who never shows the word does not keep the tunnel.
  const idle = setTimeout(() => {
    if (!isAdmitted()) caller.destroy()
  }, bounds.webSilentMs)
  const cut = () =>
    void Promise.race([Promise.all(under), wait(bounds.lastWordMs)]).then(() => caller.destroy())
  signal.addEventListener('abort', cut, { once: true })
  server.emit('connection', caller)
  if (signal.aborted) setTimeout(cut, bounds.lastWordMs)
  await closed
  clearTimeout(idle)
  signal.removeEventListener('abort', cut)
  await Promise.all(under)
  const { bytesRead = 0, bytesWritten = 0 } = caller as Partial<Socket>
  const endedBy = signal.aborted ? 'us' : 'caller'
  return { toTarget: bytesRead, toCaller: bytesWritten, rows: null, endedBy }
}

/** The requests of one session, each answered or refused; the first asks whether it may be at all. */
export function requestsOf(
  { signal, admit }: Pick<Passage, 'signal' | 'admit'>,
  answer: Answer,
  broke: (thrown: unknown) => void,
) {
  let admitted: Promise<unknown> | undefined
  const under = new Set<Promise<void>>()
  const handle = (req: IncomingMessage, res: ServerResponse, check = () => {}): Promise<void> => {
    const left = new AbortController()
    res.once('close', () => res.writableFinished || left.abort())
    const work = (async () => {
      check()
      signal.throwIfAborted()
      await (admitted ??= admit())
      await answer(req, res, AbortSignal.any([signal, left.signal]))
    })().catch((thrown: unknown) => {
      if (!isProblem(thrown) && !signal.aborted && !left.signal.aborted) broke(thrown)
      refuse(res, signal.aborted ? signal.reason : thrown)
    })
    under.add(work)
    void work.finally(() => under.delete(work))
    return work
  }
  return { under, handle, isAdmitted: () => admitted !== undefined }
}

const here = /^(https?:\/\/)?(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/

function checkPlace({ headersDistinct: { host = [], origin = [] } }: IncomingMessage): void {
  const isOurs =
    host.length === 1 && origin.length <= 1 && [...host, ...origin].every(at => here.test(at))
  if (!isOurs) throw problemOf('door-of-one-run')
}

/** As a bearer, where some clients put a key, or as git does: a password, whatever the name. */
function checkWord({ headers }: IncomingMessage, word: string): void {
  const [, bearer] = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(headers.authorization ?? '') ?? []
  const [, basic] = /^Basic ([\w+/]{1,300}={0,2})$/i.exec(headers.authorization ?? '') ?? []
  const password =
    basic &&
    Buffer.from(basic, 'base64')
      .toString()
      .replace(/^[^:]*:/, '')
  const shown = bearer ?? password ?? headers['x-api-key'] ?? ''
  if (word !== '' && timingSafeEqual(sha256(String(shown)), sha256(word))) return
  throw problemOf('word-of-run-wrong')
}

/** In the form of the API, to git in words that it shows; nothing of what broke inside. */
export function refuse(res: ServerResponse, thrown: unknown): void {
  if (res.headersSent) return void res.destroy()
  const problem = bodyOf(isProblem(thrown) ? thrown : broken)
  const { status, title, detail, next } = problem
  const isGit = res.req.headers['user-agent']?.startsWith('git/')
  const [scheme, type, body] = isGit
    ? ['Basic realm="Leasehold"', 'text/plain', `Leasehold: ${detail}\n${next ?? title}\n`]
    : ['Bearer', 'application/problem+json', JSON.stringify(problem)]
  if (status === 401 && !res.hasHeader('www-authenticate'))
    res.setHeader('www-authenticate', scheme)
  res.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

const broken = problemOf('answer-broke-off')
