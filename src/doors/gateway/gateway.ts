/**
 * The gateway door: a tunnel of bytes from a command's machine, and behind it the target, which the
 * connector speaks to. Here are who may come in, what was decided, what is recorded, and the cut. Not
 * here: the protocol of a target, which is its connector's, and requests without a tunnel, which come in
 * at `web/direct.ts` and are sessions like these.
 *
 * Each session has one entry when it opens, with its decision, and one when it ends: how many bytes
 * and rows, how long, why. What was asked and answered is kept nowhere.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { base64url } from '../../core/base/hash.ts'
import { checkPermit, type DecisionRecord, type Permit } from '../../core/base/permit.ts'
import { isProblem, Problem, problemOf } from '../../core/base/problem.ts'
import { resourceTable } from '../../core/grant/rows.ts'
import { handOver } from '../../core/lease/handle.ts'
import { type LeaseRow, readSalts } from '../../core/lease/rows.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { recordDenial } from '../../core/policy/record.ts'
import type { Credential, Passage, Passed, Upstream } from '../../core/target/target.ts'
import { Meter } from '../../life/budget/meter.ts'
import type { Hosts } from '../api/oauth/request.ts'
import { textOf } from '../api/problem.ts'
import { bodyOf } from '../api/problems.ts'
import { bounds } from './bounds.ts'
import { Pace } from './pace.ts'
import { Sessions } from './sessions.ts'
import { decideSession } from './standing.ts'
import { type Asked, type GatewayWorld, over, readTunnel, tunnelProtocol } from './tunnel.ts'
import { answerHttp } from './web/http.ts'
import { judgeOf } from './web/judge-call.ts'
import { Bridges, type McpTalk } from './web/mcp/bridge.ts'
import { Catalogue } from './web/mcp/catalogue.ts'
import { answerMcp } from './web/mcp/mcp.ts'
import { serveWeb } from './web/serve.ts'

const sessionOpened = entryKind('session.open', 'opened a session through the gateway')
const sessionEnded = entryKind('session.end', 'ended a session through the gateway')

export type Gateway = ReturnType<typeof openGateway>

export function openGateway(world: GatewayWorld, hosts: Hosts) {
  const sessions = new Sessions(world)
  const mcp = { catalogue: new Catalogue(world), bridges: new Bridges() }
  const door: Door = { world, sessions, mcp, tunnels: new Map(), under: new Set() }
  return {
    door,
    /** For the server's `upgrade` event. */
    upgrade: (req: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy())
      const work = enter(door, hosts, { req, socket, head }).catch((thrown: unknown) =>
        refuse(world, socket, thrown),
      )
      door.under.add(work)
      void work.finally(() => door.under.delete(work))
    },
    /** At each commit of ours and each entry: what is open is decided again where a fact changed. */
    look: sessions.look,
    /** Cuts everything, and waits until that is written down. */
    async close() {
      sessions.close(over('The server is stopping.', 'Run your command again in a moment.'))
      await Promise.race([
        Promise.allSettled(door.under),
        wait(bounds.stopMs, undefined, { ref: false }),
      ])
    },
  }
}

export interface Door {
  readonly world: GatewayWorld
  readonly sessions: Sessions
  readonly mcp: { readonly catalogue: Catalogue; readonly bridges: Bridges }
  readonly tunnels: Map<string, Tunnels>
  /** What is waited for when the server stops. */
  readonly under: Set<Promise<void>>
}

/** Of one lease: how many are open or wait, and the keys by which its sessions are stopped. */
interface Tunnels {
  count: number
  readonly pace: Pace
  readonly cancels: Map<string, () => void>
}

interface Upgrade {
  readonly req: IncomingMessage
  readonly socket: Socket
  readonly head: Buffer
}

async function enter(door: Door, hosts: Hosts, { req, socket, head }: Upgrade): Promise<void> {
  if (door.under.size > bounds.tunnels) throw tooMany
  const asked = await readTunnel(door.world, hosts, req)
  const { lease } = asked
  const known = door.tunnels.get(lease.id)
  const tunnels = known ?? { count: 0, pace: new Pace(), cancels: new Map() }
  if (tunnels.count >= bounds.leaseTunnels) throw tooMany
  tunnels.count++
  door.tunnels.set(lease.id, tunnels)
  try {
    const turnMs = tunnels.pace.take(door.world.clock.monotonicMs())
    if (turnMs > 0) await wait(turnMs)
    if (socket.destroyed) return
    const serve = await passOf(door, lease, tunnels.pace)
    socket.setNoDelay(true).setKeepAlive(true, 30_000).setTimeout(0)
    if (head.length > 0) socket.unshift(head)
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${tunnelProtocol}\r\n\r\n`,
    )
    const ends = { caller: socket, cancels: tunnels.cancels }
    const through = letThrough(door, asked, given => serve({ ...given, ...ends }))
    await through.catch((thrown: unknown) => {
      // Nothing of ours can be said any more in what is now another protocol.
      door.world.log({ gateway: textOf(thrown) })
      socket.destroy()
    })
  } finally {
    tunnels.count--
    forgetIdle(door)
  }
}

function forgetIdle({ world, tunnels }: Door): void {
  const nowMs = world.clock.monotonicMs()
  for (const [leaseId, { count, pace }] of tunnels)
    if (count === 0 && pace.isIdle(nowMs)) tunnels.delete(leaseId)
}

type Pass = (passage: Passage) => Promise<Passed>

/** Its connector's side of this. Nothing of the target is touched yet. */
async function passOf(door: Door, lease: LeaseRow, pace: Pace): Promise<Pass> {
  const { world } = door
  const { pass, upstream } = await world.targets.call(lease.targetId, 'issue', async target => ({
    pass: target.pass?.bind(target),
    upstream: target.upstream,
  }))
  if (pass !== undefined) return passage => passMetered(world, lease, pass, passage)
  if (upstream === undefined) throw problemOf('no-gateway-here')
  const talkOf = talkFor(door, lease, { upstream, pace })
  return passage => {
    const talk = talkOf(passage)
    const answer = upstream.speaks === 'mcp' ? answerMcp : answerHttp
    const broke = (thrown: unknown) => world.log({ gateway: textOf(thrown) })
    return serveWeb(passage, (req, res, signal) => answer(talk, req, res, signal), broke)
  }
}

/** One session is one call; what comes out of it is taken from the budget, where there is one. */
async function passMetered(world: GatewayWorld, lease: LeaseRow, pass: Pass, passage: Passage) {
  let meter: Meter | undefined
  const admit = async () => {
    const secret = await passage.admit()
    const standing = decideSession(world, lease)
    if (!standing.allowed) throw standing.problem
    meter = standing.metered && new Meter(world, standing.metered)
    await meter?.take({ calls: 1 })
    return secret
  }
  try {
    return await pass({ ...passage, admit, take: used => meter?.take(used) })
  } finally {
    await meter?.close()
  }
}

/** What the requests of one session are answered with: where they go, who judges them, what binds them. */
export function talkFor(
  { world, mcp }: Door,
  lease: LeaseRow,
  { upstream, pace }: { upstream: Upstream; pace: Pace },
): (given: Given) => McpTalk {
  const judge = judgeOf(world, lease, () => wait(pace.take(world.clock.monotonicMs())))
  const { targetId } = lease
  const { ofLease } = upstream
  return ({ word, order: { object }, signal, admit }) => {
    signal.addEventListener('abort', () => mcp.bridges.leave(word), { once: true })
    // The same each time: another would be asked for twice where it is refused.
    let mine: Promise<Credential> | undefined
    const own = ofLease && { credential: () => (mine ??= admit().then(ofLease)) }
    return { upstream: { ...upstream, ...own }, object, judge, targetId, word, ...mcp }
  }
}

/** What a session gives to who carries it to its end. */
export type Given = Omit<Passage, 'caller' | 'cancels'>

/** One session, whoever opened it: watched from before it is decided, written down, and cut. */
export async function letThrough(
  { world, sessions }: Pick<Door, 'world' | 'sessions'>,
  { lease, refused }: Asked,
  serve: (given: Given) => Promise<Passed & Cut>,
): Promise<void> {
  const cutter = new AbortController()
  const cut: Cut = {}
  const end = (problem: Problem, record?: DecisionRecord) => {
    if (cutter.signal.aborted) return
    Object.assign(cut, { problem, record })
    cutter.abort(problem)
  }
  const unwatch = sessions.watch({ lease, cut: end })
  let open: Open | undefined
  let admitted: Promise<string> | undefined
  const begin = async (secret: string) => {
    const permit = await admit(world, lease)
    const one = { name: base64url(randomBytes(9)), startedMs: world.clock.monotonicMs() }
    await recordOpen(world, lease, one, permit)
    open = one
    return secret
  }
  try {
    const secret = await readSecret(world, lease)
    if (refused !== undefined) end(refused)
    else if (secret === undefined) end(over('This lease has ended.'))
    const object = world.replica.get(resourceTable, lease.resourceId)?.object ?? null
    const passed = await serve({
      order: { principal: lease.principal, object },
      word: secret === undefined ? '' : handOver(secret),
      signal: cutter.signal,
      admit: () => (admitted ??= begin(secret ?? '')),
    })
    if (open !== undefined) await recordEnd(world, lease, open, { ...passed, ...cut })
  } finally {
    unwatch()
  }
}

interface Open {
  readonly name: string
  readonly startedMs: number
}

interface Cut {
  readonly problem?: Problem | undefined
  readonly record?: DecisionRecord | undefined
}

/** Decides, now. A no is recorded, and thrown to be told. */
async function admit(world: GatewayWorld, lease: LeaseRow): Promise<Permit<'lease.use'>> {
  const standing = decideSession(world, lease)
  if (standing.allowed) return standing.permit
  if (standing.record !== undefined) await recordDenial(world, standing.record)
  throw standing.problem
}

/** Derived for this one session. Undefined when its salt is gone, and it with it. */
async function readSecret(world: GatewayWorld, { id }: LeaseRow): Promise<string | undefined> {
  const salt = (await readSalts(world.store, [id])).get(id)
  return salt === undefined ? undefined : world.leaseSecret(id, salt)
}

/** INVARIANT: committed before the target is touched: nothing goes through that is not in the log. */
async function recordOpen(
  world: GatewayWorld,
  lease: LeaseRow,
  { name }: Open,
  permit: Permit<'lease.use'>,
): Promise<void> {
  checkPermit(permit, 'lease.use', lease.id)
  await recorded(world, async scope => {
    scope.entry({ kind: sessionOpened, by: permit, ...aboutOf(lease, name) })
  })
}

/** Where it can not be written down the session is over all the same, and somebody is told. */
async function recordEnd(
  world: GatewayWorld,
  lease: LeaseRow,
  { name, startedMs }: Open,
  { problem, record, rows: rowCount, ...passed }: Passed & Cut,
): Promise<void> {
  const about = aboutOf(lease, name)
  const ms = Math.round(world.clock.monotonicMs() - startedMs)
  const facts = { ...about.facts, ...passed, rowCount, ms, because: problem?.code ?? null }
  await recorded(world, async scope => {
    if (record !== undefined) scope.decided(record)
    scope.entry({ kind: sessionEnded, by: lease.identityId, ...about, facts })
  }).catch((thrown: unknown) => {
    world.log({ gateway: 'an end was not written', ...facts, note: textOf(thrown) })
  })
}

function aboutOf({ id, version, taskId }: LeaseRow, session: string) {
  return { subjects: [{ type: 'lease', id, version }], facts: { leaseId: id, taskId, session } }
}

/** Before the tunnel stands, as every request is refused. */
export function refuse(world: Pick<GatewayWorld, 'log'>, socket: Socket, thrown: unknown): void {
  const known = isProblem(thrown)
  if (!known) world.log({ gateway: textOf(thrown) })
  const problem = bodyOf(known ? thrown : broken)
  const { status, title } = problem
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nConnection: close\r\n` +
      `Cache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
  socket.destroySoon()
}

const broken = new Problem('internal', { detail: 'Something broke here; nothing was let through.' })

const tooMany = problemOf('too-many-connections')
