/**
 * The front of apps: each answers under a host name of its own, to people the server knows and to nobody
 * else. Every request is decided when it comes, and what is open is decided again twice a second: who may
 * not look any more is cut, and told why.
 *
 * INVARIANT: at the host of an app nothing of the server's own is reached but `/.leasehold/`, which knows
 * no secret and changes nothing.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { PersonId } from '../src/core/base/ids.ts'
import { bounds } from './bounds.ts'
import { guard, pass } from './pass.ts'
import type { FrontWorld } from './port.ts'
import { Tunnels } from './tunnel.ts'
import { Visits } from './visit.ts'

const bar = readFileSync(join(import.meta.dirname, 'bar.js'), 'utf8')

/** A person who looks at an app: one request under way, or a page that listens for the cut. */
interface Open {
  readonly id: PersonId
  readonly cut: () => void
}
/** By app. */
type Opened = Map<string, Set<Open>>

interface Visit {
  readonly slug: string
  readonly url: URL
  readonly req: IncomingMessage
  readonly res: ServerResponse
}

export function openFront(world: FrontWorld) {
  const visits = new Visits(world)
  const tunnels = new Tunnels(world, visits)
  const open: Opened = new Map()
  const look = () => {
    tunnels.look()
    for (const [slug, pages] of open)
      for (const { id, cut } of pages)
        if (world.apps.denied(slug, { kind: 'person', id }) !== undefined) cut()
  }
  const timer = setInterval(look, bounds.lookMs)
  const front = { world, visits, tunnels, open }
  return {
    /** True where the request was for an app's host and is answered. */
    async answer(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
      const slug = slugIn(world, req.headers.host)
      if (slug === undefined) return ship(front, req, res)
      const url = URL.parse(req.url ?? '', world.addressOf(slug))
      const isPath = (req.url ?? '').startsWith('/') && url?.origin === world.addressOf(slug)
      if (url === null || !isPath || !isFromHere(req, url))
        refuse(res, 403, 'This was not asked from a page of this app.')
      else await answer(front, { slug, url, req, res })
      return true
    },
    upgrade: (req: IncomingMessage, socket: Socket, head: Buffer) =>
      tunnels.take(req, socket, head),
    /** Where a person who is signed in goes on to; undefined where no app has that name. */
    async letIn(query: { app: string; from: string; to: string }, id: PersonId) {
      const isApp = world.apps.find(query.app) !== undefined
      const isJourney = /^[\w-]{43}$/.test(query.from)
      return isApp && isJourney ? visits.letIn(query.app, id, query.from, query.to) : undefined
    },
    close() {
      clearInterval(timer)
      tunnels.close()
      for (const pages of open.values()) for (const { cut } of pages) cut()
    },
  }
}

const shipping = /^\/v1\/apps\/([a-z0-9-]{1,63})\/ship\/([0-9a-f]{64})$/

/** At the server's own host: CI says which bundle answers from now on. */
async function ship({ world, tunnels }: Front, req: IncomingMessage, res: ServerResponse) {
  const [, slug, digest = ''] = shipping.exec(req.url ?? '') ?? []
  if (slug === undefined || req.method !== 'POST') return false
  await tunnels.ship(slug, digest, req).then(
    said => send(res, 'application/json', JSON.stringify(said)),
    (thrown: unknown) => world.refuse(req.socket, thrown),
  )
  return true
}

interface Front {
  readonly world: FrontWorld
  readonly visits: Visits
  readonly tunnels: Tunnels
  readonly open: Opened
}

/** The app whose host it is. Names look like names, whether or not there is such an app. */
function slugIn(world: FrontWorld, host = ''): string | undefined {
  const [slug = ''] = host.split('.', 1)
  if (!/^[a-z0-9](-?[a-z0-9])*$/.test(slug)) return undefined
  // ATTACKER: an app that is called as the server is, where both stand below one name.
  const isOurs = new URL(world.issuer).host === host
  return !isOurs && new URL(world.addressOf(slug)).host === host ? slug : undefined
}

/**
 * ATTACKER: a page of another app, which is the same site to a browser, so that it sends our cookie along.
 * From elsewhere one may come by following a link, and in no other way. A worker would answer when we do not.
 */
function isFromHere({ headers, method }: IncomingMessage, { origin }: URL): boolean {
  if (headers['service-worker'] !== undefined) return false
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest } = headers
  if (headers.origin !== undefined && headers.origin !== origin) return false
  if (site === undefined || site === 'same-origin' || site === 'none') return true
  return method === 'GET' && mode === 'navigate' && dest === 'document'
}

async function answer(front: Front, visit: Visit): Promise<void> {
  const { world, visits, open } = front
  const { slug, url, req, res } = visit
  if (url.pathname === '/.leasehold/enter') return enter(front, visit)
  if (url.pathname === '/.leasehold/style.css') return send(res, 'text/css', world.style)
  const id = await visits.read(req, slug)
  if (id === undefined) {
    const isVisit = req.method === 'GET' && !isAside(req, url)
    if (isVisit) return visits.begin(res, slug, `${url.pathname}${url.search}`)
    return refuse(res, 401, 'The visit is over. Load the page again.')
  }
  const why = world.apps.denied(slug, { kind: 'person', id })
  if (why !== undefined) return explain(front, visit, why)
  if (url.pathname === '/.leasehold/bar.js') return send(res, 'text/javascript', bar)
  if (url.pathname === '/.leasehold/bar') return tellBar(front, visit, id)
  const mine = open.get(slug)?.size ?? 0
  if (url.pathname === '/.leasehold/live')
    return mine < bounds.listeners
      ? listen(front, visit, id)
      : refuse(res, 503, 'Too many pages listen.')
  if (url.pathname.startsWith('/.leasehold/')) return refuse(res, 404, 'There is no such thing.')
  if (mine >= bounds.listeners + bounds.requests)
    return refuse(res, 503, 'Too many requests are under way.')
  return forward(front, visit, id)
}

/** What a page asks for beside itself: it can not follow a journey through the server's pages. */
function isAside({ headers }: IncomingMessage, url: URL): boolean {
  const mode = headers['sec-fetch-mode']
  return url.pathname.startsWith('/.leasehold/') || (mode !== undefined && mode !== 'navigate')
}

async function enter(
  { world, visits, tunnels }: Front,
  { slug, url, req, res }: Visit,
): Promise<void> {
  const id = await visits.enter(req, res, slug, url.searchParams)
  if (id === undefined) return visits.begin(res, slug, '/')
  // INVARIANT: written down before anything is shown. Who may not is told so at the app's own address.
  await world.apps.open(slug, id, tunnels.shippedFor(slug)?.task)
  await visits.keep(res, slug, id, url.searchParams.get('to'))
}

async function forward({ world, visits, tunnels, open }: Front, visit: Visit, id: PersonId) {
  const { slug, req, res } = visit
  const session = tunnels.sessionOf(slug)
  if (session === undefined) return page(world, visit, { status: 503, name: 'app-away' })
  const visitor = await world.personOf(id)
  if (visitor === undefined) return refuse(res, 403, 'You are not here any more.')
  const over = new AbortController()
  const close = begin(open, slug, { id, cut: () => over.abort() })
  over.signal.addEventListener('abort', () => res.destroy(), { once: true })
  res.once('close', () => over.abort())
  try {
    const person = await visits.introduce(slug, visitor)
    const cookie = visits.cookiesFor(req)
    await pass({
      // A newer version may answer by now: the one before takes nothing more.
      session: tunnels.sessionOf(slug) ?? session,
      req,
      res,
      cookie,
      person,
      address: world.addressOf(slug),
      signal: over.signal,
    })
  } catch (thrown) {
    if (res.headersSent || res.destroyed) res.destroy()
    else {
      world.log({ front: slug, failed: thrown instanceof Error ? thrown.message : typeof thrown })
      await page(world, visit, { status: 502, name: 'app-away' })
    }
  } finally {
    close()
  }
}

function begin(open: Opened, slug: string, one: Open): () => void {
  const pages = open.getOrInsertComputed(slug, () => new Set())
  pages.add(one)
  return () => {
    pages.delete(one)
    if (pages.size === 0) open.delete(slug)
  }
}

/** One line is enough: the page loads itself anew, and is told then. */
function listen({ open }: Front, { slug, res }: Visit, id: PersonId): void {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.write('retry: 2000\n\n')
  const beat = setInterval(() => res.write(': \n\n'), bounds.heartbeatMs)
  const close = begin(open, slug, { id, cut: () => res.end('event: over\ndata: now\n\n') })
  res.once('close', () => {
    clearInterval(beat)
    close()
  })
}

async function tellBar({ world }: Front, { slug, res }: Visit, id: PersonId): Promise<void> {
  const [app, visitor] = await Promise.all([world.apps.describe(slug), world.personOf(id)])
  const said = { app: slug, owner: app?.owner, endsAt: app?.endsAt, you: visitor?.name }
  return send(res, 'application/json', JSON.stringify(said))
}

/** Why it is not shown, and what to do: at the address people know. */
async function explain({ world }: Front, visit: Visit, why: string): Promise<void> {
  const { slug, req, res, url } = visit
  if (isAside(req, url)) return refuse(res, 403, why)
  const app = await world.apps.describe(slug)
  if (app === undefined) return refuse(res, 404, 'There is no such app.')
  if (['ending', 'ended', 'graduated'].includes(app.state))
    return page(world, visit, { status: 410, name: app.isGone ? 'app-gone' : 'app-ended' })
  return page(world, visit, {
    status: 403,
    name: app.state === 'paused' ? 'app-paused' : 'app-denied',
    why,
  })
}

const titles: Readonly<Record<string, string>> = {
  'app-away': 'is not running right now',
  'app-gone': 'has ended',
  'app-ended': 'has ended',
  'app-paused': 'is paused',
  'app-denied': 'is not shared with you',
}

async function page(
  world: FrontWorld,
  { slug, res }: Visit,
  { status, name, why = '' }: { status: number; name: string; why?: string },
) {
  const app = await world.apps.describe(slug)
  const ask = app?.mail === undefined ? app?.owner : `${app.owner} (${app.mail})`
  const parts = { slug, why, owner: app?.owner, ask, ended: app?.endedAt ?? app?.endsAt }
  const text = world
    .page(name, `${slug} ${titles[name]}`, parts)
    .replaceAll('/style.css', '/.leasehold/style.css')
  guard(res, true)
  // What is over stays over; anything else may be another a moment later.
  if (status === 410) res.setHeader('Clear-Site-Data', '"cache", "storage"')
  else res.setHeader('Refresh', '5')
  res.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
  )
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' })
  res.end(text)
}

function send(res: ServerResponse, type: string, text: string): void {
  guard(res, false)
  res.writeHead(200, {
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Length': Buffer.byteLength(text),
  })
  res.end(text)
}

function refuse(res: ServerResponse, status: number, detail: string): void {
  guard(res, true)
  res.writeHead(status, { 'Content-Type': 'application/problem+json' })
  res.end(JSON.stringify({ status, detail }))
}
