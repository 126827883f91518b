/**
 * A database that lies about deleting: the real PostgreSQL behind a proxy that rewrites, in what a
 * client sends, the words that would take a role away. Every answer it gives is the server's own.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Liar {
  readonly port: number
  /** True: it does as it is told from now on. */
  honest: boolean
  /** Words it swallowed so far. */
  readonly swallowed: string[]
  stop(): Promise<void>
}

/** What would take access away, and what is put in its place. The statement around it stays valid. */
const lies: readonly [RegExp, string][] = [
  [/drop role if exists [^;]+;/gi, 'null;'],
  [/alter role [^;]+ nologin[^;]*;/gi, 'null;'],
  [/execute format\('(alter|drop) [^;]+;/gi, 'null;'],
  [/pg_terminate_backend\(pid(, \d+)?\)/gi, 'pid'],
]

export async function startLiar(target: { host: string; port: number }, port = 0): Promise<Liar> {
  const sockets = new Set<Socket>()
  const liar = {
    port: 0,
    honest: false,
    swallowed: [] as string[],
    stop: () => stop(server, sockets),
  }
  const server = createServer(client => {
    const upstream = connect(target.port, target.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.pipe(client)
    const frames = new Frames()
    client.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk))
        upstream.write(liar.honest ? frame : rewriteText(frame, told => lie(told, liar.swallowed)))
    })
  })
  await new Promise<void>(done => server.listen(port, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the liar has no port')
  liar.port = address.port
  return liar
}

function lie(told: string, swallowed: string[]): string {
  let said = told
  for (const [words, instead] of lies)
    said = said.replaceAll(words, match => {
      swallowed.push(match)
      return instead
    })
  return said
}

/** A simple query or a statement to prepare with another text; what stands before and after it stays. */
export function rewriteText(frame: Buffer, rewrite: (told: string) => string): Buffer {
  const type = String.fromCharCode(frame[0] ?? 0)
  if (type !== 'Q' && type !== 'P') return frame
  const start = type === 'Q' ? 5 : frame.indexOf(0, 5) + 1
  const end = frame.indexOf(0, start)
  const told = frame.toString('utf8', start, end)
  const said = rewrite(told)
  if (said === told) return frame
  const changed = Buffer.concat([frame.subarray(0, start), Buffer.from(said), frame.subarray(end)])
  changed.writeInt32BE(changed.length - 1, 1)
  return changed
}

/** Cuts a client's bytes into messages. The first ones have no type byte. */
export class Frames {
  #pending: Buffer = Buffer.alloc(0)
  #isStarted = false

  push(chunk: Buffer): Buffer[] {
    this.#pending = Buffer.concat([this.#pending, chunk])
    const frames: Buffer[] = []
    for (;;) {
      const head = this.#isStarted ? 1 : 0
      if (this.#pending.length < head + 4) return frames
      const length = head + this.#pending.readInt32BE(head)
      if (this.#pending.length < length) return frames
      const frame = this.#pending.subarray(0, length)
      this.#pending = this.#pending.subarray(length)
      // A request for TLS is followed by the start itself; every later message has a type.
      if (!this.#isStarted && frame.readInt32BE(4) !== 80877103) this.#isStarted = true
      frames.push(frame)
    }
  }
}

async function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await new Promise<void>(done => server.close(() => done()))
}
