/**
 * Answers at the address of the app, from this machine: a connection that is opened from here, over which
 * the server sends requests the other way (HTTP/2). Nothing listens for it; what runs here is asked on the
 * loopback address alone.
 */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { Cli } from '../../cli.ts'
import { currentToken } from '../../session.ts'
import { reach } from '../../tunnel.ts'
import { segment } from '../../verbs/kit.ts'

/** Each refusal is an entry of the log: who was refused comes again less often than who was not reached. */
const againMs = { first: 500, broken: 3000, refused: 60_000 }

type Told = (why: string) => void
/** `told`: why it is not answered for, each reason once. */
export type Answering = Readonly<{ slug: string; port: number; signal: AbortSignal; told: Told }>

/** Until `signal`; connected anew whenever the connection breaks. */
export async function answerFor({ server }: Cli, given: Answering): Promise<void> {
  const { slug, port, signal, told } = given
  const path = `/v1/apps/${segment(slug)}/serve`
  const token = (force: boolean) => currentToken(server, force)
  const door = doorTo(port)
  for (let ms = againMs.first; !signal.aborted; ms *= 2) {
    const dial = { server: server.url, path, token }
    try {
      const socket = (await reach(dial, false)) ?? (await reach(dial, true))
      if (socket === undefined) throw new Error('You are not signed in any more: leasehold login')
      const over = () => socket.destroy()
      signal.addEventListener('abort', over, { once: true })
      door.emit('connection', socket)
      ms = againMs.first
      await once(socket, 'close')
      signal.removeEventListener('abort', over)
    } catch (error) {
      told((error as Error).message)
      const isBroken = (error as NodeJS.ErrnoException).code !== undefined
      ms = Math.min(ms, isBroken ? againMs.broken : againMs.refused)
    }
    await wait(ms, undefined, { signal }).catch(() => {})
  }
  door.close()
}

/** Asks what listens here whatever comes over a connection it is handed. */
export const doorTo = (port: number) =>
  createServer({ settings: { enablePush: false } }, (req, res) => {
    void pass(req, res, port).catch(() =>
      res.headersSent ? res.destroy() : res.writeHead(502).end(),
    )
  }).on('sessionError', () => {})

const hops = /^(:.*|connection|keep-alive|transfer-encoding|upgrade|proxy-.*|te|trailer|host)$/

const without = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hops.test(name)))

async function pass(req: Http2ServerRequest, res: Http2ServerResponse, port: number) {
  const to = { host: '127.0.0.1', port, path: req.url, method: req.method }
  const asked = request({ ...to, headers: without(req.headers), agent: false })
  res.once('close', () => asked.destroy())
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>
  await Promise.all([
    pipeline(req, asked),
    answered.then(([answer]) => {
      res.writeHead(answer.statusCode ?? 502, without(answer.headers))
      return pipeline(answer, res)
    }),
  ])
}
