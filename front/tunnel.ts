/**
 * The way to an app that runs somewhere else: a connection that was opened from there, over which requests
 * go the other way (HTTP/2, so that many share it). Nothing listens at the app's machine.
 */
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Socket } from 'node:net'
import { Problem } from '../src/core/base/problem.ts'
import { bounds } from './bounds.ts'
import type { FrontWorld } from './port.ts'

interface Tunnel {
  readonly session: ClientHttp2Session
  /** Why its holder may not answer any more. */
  readonly over: () => string | undefined
}

const path = /^\/v1\/apps\/([a-z0-9-]{1,63})\/serve$/

export class Tunnels {
  readonly #world: FrontWorld
  readonly #open = new Map<string, Tunnel>()

  constructor(world: FrontWorld) {
    this.#world = world
  }

  /** True where the upgrade is one of ours; it is answered then. */
  take(req: IncomingMessage, socket: Socket, head: Buffer): boolean {
    const [, slug] = path.exec(req.url ?? '') ?? []
    if (slug === undefined || req.method !== 'GET') return false
    socket.on('error', () => socket.destroy())
    void this.#take(slug, req, socket, head).catch((thrown: unknown) =>
      this.#world.refuse(socket, thrown),
    )
    return true
  }

  sessionOf(slug: string): ClientHttp2Session | undefined {
    const session = this.#open.get(slug)?.session
    return session?.destroyed === false && !session.closed ? session : undefined
  }

  /** What may not be any more is closed. */
  look(): void {
    for (const { session, over } of this.#open.values()) if (over() !== undefined) session.destroy()
  }

  close(): void {
    for (const { session } of this.#open.values()) session.destroy()
  }

  async #take(slug: string, req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const over = await this.#world.apps.serve(req, slug)
    if (this.#open.size >= bounds.tunnels && !this.#open.has(slug))
      throw new Problem('rate-limited', { detail: 'Too many apps are answered for.' })
    socket.setNoDelay(true).setKeepAlive(true, 30_000).setTimeout(0)
    if (head.length > 0) socket.unshift(head)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: leasehold-tunnel\r\n\r\n',
    )
    const session = connect('http://app.invalid', {
      createConnection: () => socket,
      maxHeaderListPairs: 200,
      settings: { enablePush: false, maxHeaderListSize: bounds.headerBytes },
    })
    session.on('error', () => session.destroy())
    session.on('close', () => {
      if (this.#open.get(slug)?.session === session) this.#open.delete(slug)
    })
    // Started anew, or on another machine: the newest answers.
    this.#open.get(slug)?.session.destroy()
    this.#open.set(slug, { session, over })
  }
}
