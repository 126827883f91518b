/**
 * The way to an app that runs somewhere else: a connection that was opened from there, over which requests
 * go the other way (HTTP/2, so that many share it). Nothing listens at the app's machine.
 */
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Socket } from 'node:net'
import { Problem, problemOf } from '../src/core/base/problem.ts'
import { toMs } from '../src/core/base/time.ts'
import { bounds } from './bounds.ts'
import type { FrontWorld, Shipped } from './port.ts'
import type { Visits } from './visit.ts'

interface Tunnel {
  readonly session: ClientHttp2Session
  /** Why its holder may not answer any more. */
  readonly over: () => string | undefined
  readonly shipped: Shipped | undefined
}

const path = /^\/v1\/apps\/([a-z0-9-]{1,63})\/serve$/

export class Tunnels {
  readonly #world: FrontWorld
  readonly #open = new Map<string, Tunnel>()

  readonly #visits: Visits

  constructor(world: FrontWorld, visits: Visits) {
    this.#world = world
    this.#visits = visits
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

  /** CI ships a bundle: answered with what the runner needs to answer with it. */
  async ship(slug: string, digest: string, req: IncomingMessage) {
    const { runner, apps } = this.#world
    if (runner === null) throw problemOf('no-runner')
    const { origin } = await apps.serve(req, slug, { ships: digest })
    if (origin === undefined) throw problemOf('deployed-by-ci')
    const at = toMs(this.#world.clock.now())
    return {
      runner: runner.address,
      warrant: await this.#visits.warrant(slug, { ...origin, digest, at }),
    }
  }

  /** What CI shipped and answers now. */
  shippedFor(slug: string): Shipped | undefined {
    return this.sessionOf(slug) && this.#open.get(slug)?.shipped
  }

  async #take(slug: string, req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const shown = req.headers['leasehold-warrant']?.toString()
    const shipped = shown === undefined ? undefined : await this.#visits.readWarrant(slug, shown)
    if (shown !== undefined && shipped === undefined) throw problemOf('token-not-accepted')
    // A laptop would take turns with what CI deployed; and nothing goes back to an older version.
    const isTaken = (this.shippedFor(slug)?.at ?? 0) > (shipped?.at ?? 0)
    const { over } = await this.#world.apps.serve(req, slug, { shipped, isTaken })
    if (this.#open.size >= bounds.tunnels && !this.#open.has(slug))
      throw new Problem('rate-limited', { detail: 'Too many apps are answered for.' })
    socket.setNoDelay(true).setKeepAlive(true, 30_000).setTimeout(0)
    if (head.length > 0) socket.unshift(head)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: leasehold-tunnel\r\n\r\n',
    )
    // Its end without ours is an end: else a machine that was cut off would be asked for a minute more.
    socket.allowHalfOpen = false
    const session = connect('http://app.invalid', {
      createConnection: () => socket,
      maxHeaderListPairs: 200,
      settings: { enablePush: false, maxHeaderListSize: bounds.headerBytes },
    })
    session.on('error', () => session.destroy())
    session.on('close', () => {
      if (this.#open.get(slug)?.session === session) this.#open.delete(slug)
    })
    // Started anew, or on another machine: the newest answers. What CI shipped ends what is under way.
    const before = this.#open.get(slug)
    this.#open.set(slug, { session, over, shipped })
    if (before?.shipped === undefined) return before?.session.destroy()
    before.session.close()
    setTimeout(() => before.session.destroy(), bounds.drainMs).unref()
  }
}
