/**
 * The way from the server to one version: opened from here, by the warrant of what CI shipped and the
 * runner's key, and opened again whenever it breaks. What comes over it goes to the version's own port.
 */
import { once } from 'node:events'
import { type IncomingMessage, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { type Key, proofOf } from '../cli/src/dpop.ts'
import { doorTo } from '../cli/src/make/ship/answer.ts'
import { bounds } from './bounds.ts'
import type { Warrant } from './key.ts'
import { Refusal } from './refusal.ts'

/** `over`: the server says that it is over for good. */
type Ends = Readonly<{ over: () => void; told: (says: string) => void }>
type To = Readonly<{ server: string; key: Key; warrant: Warrant; port: number }>
export type Dial = To & Ends

export type Way = Awaited<ReturnType<typeof openWay>>

/** Open when this returns. Throws Refusal with the server's own words where it does not let us. */
export async function openWay(dial: Dial) {
  const door = doorTo(dial.port)
  const end = new AbortController()
  const { signal } = end
  let socket = await reach(dial)
  door.emit('connection', socket)
  const keep = async () => {
    const { first, broken, refused } = bounds.againMs
    for (let ms: number = first; ; ms *= 2) {
      if (!socket.destroyed) await once(socket, 'close')
      if (signal.aborted) return
      try {
        socket = await reach(dial)
        door.emit('connection', socket)
        ms = first
      } catch (thrown) {
        const { status, message } = thrown as Refusal
        if (status === 410) return dial.over()
        dial.told(message)
        ms = Math.min(ms, status === 503 ? broken : refused)
        await wait(ms, undefined, { signal }).catch(() => {})
      }
    }
  }
  void keep()
  /** Not opened again; resolves when what is under way has ended, or may not go on. */
  const close = async (drainMs: number): Promise<void> => {
    end.abort()
    const drained = socket.destroyed ? undefined : once(socket, 'close')
    await Promise.race([drained, wait(drainMs, undefined, { ref: false })])
    socket.destroy()
    door.close()
  }
  return { close }
}

function reach({ server, key, warrant }: Dial): Promise<Socket> {
  const url = new URL(`/v1/apps/${warrant.slug}/serve`, server)
  const dpop = proofOf(key, { method: 'GET', url })
  const upgrade = { connection: 'Upgrade', upgrade: 'leasehold-tunnel' }
  const headers = { ...upgrade, dpop, 'leasehold-warrant': warrant.text }
  const ask = url.protocol === 'https:' ? secure : plain
  const asked = ask(url, { headers, agent: false, timeout: bounds.serverMs }).end()
  return new Promise((resolve, reject) => {
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => reject(new Refusal(503, 'The server can not be reached.')))
    asked.once('response', answer => void refusalOf(answer).then(reject, reject))
    asked.once('upgrade', (_, socket: Socket, head) => {
      socket.unshift(head)
      resolve(
        socket
          .setNoDelay(true)
          .setTimeout(0)
          .on('error', () => socket.destroy()),
      )
    })
  })
}

/** In the server's words. 410: for good, whoever asks again. */
async function refusalOf(answer: IncomingMessage): Promise<Refusal> {
  const says = (await text(answer)).slice(0, 10_000)
  const [, detail = `The server answered ${answer.statusCode}.`] =
    /"detail":"([^"]*)"/.exec(says) ?? []
  const isFinal = answer.statusCode === 409 && says.includes('"code":"wrong-state"')
  return new Refusal(isFinal ? 410 : 403, detail)
}
