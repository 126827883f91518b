/**
 * A real PostgreSQL whose clock is the company's: instants in what a client sends are moved by as much as the
 * machine's clock is ahead. Its own answers pass as they are.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { Frames, rewriteText } from '../liar.ts'

export interface Shifted {
  readonly port: number
  stop(): Promise<void>
}

const instant = /'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)'/g

export async function startShifted(
  target: { host: string; port: number },
  aheadMs: () => number,
): Promise<Shifted> {
  const sockets = new Set<Socket>()
  const move = (text: string) => {
    const ahead = aheadMs()
    return text.replaceAll(
      instant,
      (_, at: string) => `'${new Date(Date.parse(at) + ahead).toISOString()}'`,
    )
  }
  const server = createServer(client => {
    const upstream = connect(target.port, target.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.pipe(client)
    const frames = new Frames()
    client.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) upstream.write(rewriteText(frame, move))
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return { port: address.port, stop: () => stop(server, sockets) }
}

async function stop(server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await new Promise<void>(done => server.close(() => done()))
}
