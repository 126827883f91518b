/**
 * The start: opens the store and the keys, sequencer and follower, and puts the doors before them. It
 * takes the connectors from their registry. Run by itself it is `serve`.
 */

import { readFileSync } from 'node:fs'
import * as http from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import { openChannels } from '../channels/registry.ts'
import { connectorsOf } from '../connectors/registry.ts'
import { openFront } from '../front/front.ts'
import { type Config, readConfig } from './config.ts'
import { systemId } from './core/base/ids.ts'
import { isProblem, type Problem, problemOf } from './core/base/problem.ts'
import { product } from './core/base/product.ts'
import { type Clock, forwardOnly, systemClock } from './core/base/time.ts'
import { openKeys } from './core/keys/keys.ts'
import { startFollower } from './core/ledger/follow.ts'
import { Replica } from './core/ledger/replica.ts'
import { keyRotated } from './core/ledger/rotate.ts'
import { startSequencer } from './core/ledger/sequence.ts'
import { genesis } from './core/people/genesis.ts'
import { findInstallation, findPerson } from './core/people/rows.ts'
import { installPolicies } from './core/policy/in-force.ts'
import { openStore } from './core/store/open.ts'
import type { Connector } from './core/target/target.ts'
import { lookAt, readTaskToken, type TaskToken } from './core/token/verify.ts'
import { makeApi } from './doors/api/api.ts'
import { fill, page, style } from './doors/api/oauth/html.ts'
import { mountOauth } from './doors/api/oauth/mount.ts'
import { causeText, type Log, textOf } from './doors/api/problem.ts'
import { problemTable } from './doors/api/problems.ts'
import { workloadEndpoints } from './doors/api/workload.ts'
import { appsOf } from './doors/apps/standing.ts'
import { mountAuthzen } from './doors/authzen/mount.ts'
import { openConsole } from './doors/console/console.ts'
import { type Gateway, openGateway, refuse } from './doors/gateway/gateway.ts'
import { tunnelProtocol } from './doors/gateway/tunnel.ts'
import { openDirect } from './doors/gateway/web/direct.ts'
import { followAppRules } from './life/app-rules/ask.ts'
import { makeShadow } from './life/app-rules/shadow.ts'
import { acceptLoss, checkRemembered } from './life/audit/export.ts'
import { listPeople } from './life/lists/lists.ts'
import { openSpool, type Spool } from './life/records/spool.ts'
import { companySignIn } from './life/sign-in/company.ts'
import { makeLink } from './life/sign-in/link.ts'
import { placeTemplate } from './life/template/template.ts'
import { jobsOf, type Schedule, startSchedule } from './schedule.ts'
import { makeWorld, type World } from './world.ts'

export type Running = Awaited<ReturnType<typeof startServer>>

export interface StartOptions {
  readonly connectors?: readonly Connector[]
  readonly clock?: Clock
  readonly log?: Log
  /** Name of the first person of a new installation. */
  readonly firstPerson?: string
  /** The log is behind what this folder remembers, and somebody takes that as it is; it is recorded. */
  readonly acceptLoss?: boolean
}

export async function startServer(config: Config, options: StartOptions = {}) {
  const log = options.log ?? logLine
  // What was opened is closed in reverse, here where the start fails, and else by who stops.
  await using opening = new AsyncDisposableStack()
  // 1. The port first: it is part of our name. Until the doors open, callers are told to come again.
  const door: Door = { handle: answerStarting, upgrade: (_, socket) => socket.destroy() }
  const server = http.createServer(upgrades, (req, res) => door.handle(req, res))
  server.on('upgrade', (req, socket: Socket, head) => door.upgrade(req, socket, head))
  const port = await listen(server, config)
  opening.defer(() => closeServer(server))
  const issuer = config.issuer ?? `http://localhost:${port}`
  const carrier = openChannels(config.notify, issuer)
  // 2. Database, keys and log: what is missing, or behind what was seen before, refuses to start.
  const opened = await open(config, options, log, opening)
  const pokes: Pokes = new Set()
  const later: { schedule?: Schedule } = {}
  const world = makeWorld({
    ...opened,
    config,
    issuer,
    log,
    carrier,
    connectors: federation => [...connectorsOf(federation), ...(options.connectors ?? [])],
    poke: () => pokes.forEach(poke => poke()),
    runNow: async job => later.schedule?.runNow(job),
  })
  opening.defer(() => world.targets.close())
  const remembered = join(config.home, 'checkpoint')
  const vkeys = world.logVkeys()
  if (options.acceptLoss === true)
    await acceptLoss(
      { ...world, ...world.checkpoints, store: world.store },
      { file: remembered, vkeys, by: systemId('recovery') },
    )
  else await checkRemembered(world.store, remembered, vkeys)
  startLog(world, pokes, opening)
  await opened.follower.ready
  const spool = openSpool({ ...world, onFault: failed(log, 'spool') }, config.home)
  opening.defer(() => spool.stop())
  // 3. Who and what must be there before anybody is let in.
  await prepare(world, options.firstPerson ?? 'Operator')
  // 4. What the server does by itself; first of all, making room for ending.
  const jobFailed = (job: string, thrown: unknown) => log({ job, failed: textOf(thrown) })
  const schedule = startSchedule(jobsOf(world, remembered, jobFailed), jobFailed)
  later.schedule = schedule
  opening.defer(() => schedule.stop())
  await schedule.runNow('tidy')
  // A new outbox begins where the log is: before anybody is let in, so that they are told of what comes.
  void schedule.runNow('notify')
  // What was made after the copy that was put back is stopped before anybody is let in.
  if (options.acceptLoss === true) await schedule.runNow('inventory')
  // 5. The doors.
  const served = { ...world, spool, hosts: hostsOf(world, port), runner: config.runner }
  const gateway = startGateway(served, pokes, opening)
  const front = openFront({
    ...served,
    apps: appsOf(served),
    style,
    personOf: id => findPerson(world.store, id),
    page: (name, title, parts) => page(title, fill(name, parts)).html,
    refuse: (socket, thrown) => refuse(world, socket, thrown),
  })
  opening.defer(() => front.close())
  door.upgrade = (...given) => front.upgrade(...given) || gateway.upgrade(...given)
  door.handle = requestHandler(served, front, openDirect(gateway.door))
  const running = opening.move()
  return {
    /** Pages and issuer: `http://localhost:4400`. */
    issuer,
    /** The same server by address, for programs. */
    address: `http://127.0.0.1:${port}`,
    world,
    /** A one-time link that signs the first person in. */
    signInLink: () => signInLink(world),
    stop: async () => {
      await schedule.runNow('remember')
      await running.disposeAsync()
    },
  }
}

/** The world once decisions can be kept and there are names to be asked by. */
type Served = World & { readonly spool: Spool; readonly hosts: readonly string[] }

/** What is told of each commit of ours. */
type Pokes = Set<() => void>

interface Door {
  handle: Handler
  upgrade: Gateway['upgrade']
}

/** Nobody else's upgrade is an upgrade: such a request is answered as if it had not asked. */
const upgrades: http.ServerOptions = {
  shouldUpgradeCallback: req => req.headers.upgrade?.toLowerCase() === tunnelProtocol,
}

async function open(
  config: Config,
  options: StartOptions,
  log: Log,
  opening: AsyncDisposableStack,
) {
  const clock = forwardOnly(options.clock ?? systemClock)
  const { databaseUrl, home, kek, trustDomain } = config
  const store = await openStore(
    databaseUrl === null ? { dataDir: home, place: placeTemplate } : { url: databaseUrl },
  )
  opening.defer(() => store.close())
  const keys = await openKeys({ store, clock }, { home, kek, installation: trustDomain })
  const replica = new Replica()
  const onFault = (fault: Problem) => log({ follower: fault.detail, note: fault.log })
  const follower = await startFollower({ store, clock, replica, onFault })
  opening.defer(() => follower.stop())
  return { clock, store, keys, replica, follower }
}

/** The sequencer, and what this replica does at entries of others. */
function startLog(world: World, pokes: Pokes, opening: AsyncDisposableStack): void {
  const sequencer = startSequencer({
    ...world.checkpoints,
    // What ends things waits for the log: it moves on when writers hold every other connection.
    store: world.store.ending,
    gate: () => world.follower.gate(),
    onFault: failed(world.log, 'sequencer'),
  })
  pokes.add(sequencer.poke)
  opening.defer(() => sequencer.stop())
  const off = world.follower.onEntry(({ kind }) => {
    if (kind === keyRotated) void world.keys.reload().catch(failed(world.log, 'keys'))
  })
  opening.defer(off)
}

/** What is open is looked at again at each commit: ours are in memory at once, others' with their entry. */
function startGateway(world: Served, pokes: Pokes, opening: AsyncDisposableStack) {
  const gateway = openGateway(world, world)
  pokes.add(gateway.look)
  opening.defer(() => gateway.close())
  opening.defer(world.follower.onEntry(gateway.look))
  return gateway
}

function failed(log: Log, what: string): (fault: unknown) => void {
  return fault => log({ [what]: textOf(fault) })
}

/** Genesis at the first start; the rules that came with the program at every start. */
async function prepare(world: World, firstPerson: string): Promise<void> {
  if ((await findInstallation(world.store)) === undefined)
    await genesis(world, {
      installationName: world.config.name,
      trustDomain: world.config.trustDomain,
      mode: world.config.mode,
      person: { name: firstPerson },
    })
  await installPolicies(world)
  await world.settle()
}

async function signInLink(world: World): Promise<string> {
  const [first] = await listPeople(world.store, 1)
  if (first === undefined) throw new Error('there is a first person')
  const { secret } = await makeLink(world, systemId('genesis'), { personId: first.id })
  return `${world.issuer}/?t=${secret}`
}

type Handler = (req: http.IncomingMessage, res: http.ServerResponse) => void

/** Who comes before everything is open is told to come again, and is not kept waiting. */
function answerStarting(_req: http.IncomingMessage, res: http.ServerResponse): void {
  res.writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain', connection: 'close' })
  res.end('Starting.\n')
}

type Front = ReturnType<typeof openFront>

function requestHandler(
  world: Served,
  front: Front,
  direct: ReturnType<typeof openDirect>,
): Handler {
  const pages = openConsole(world, join(import.meta.dirname, '../console/dist'))
  const oauth = mountOauth({
    ...world,
    ...workloadEndpoints(world),
    warn: text => world.log({ oauth: text }),
    documents: new Set(world.config.loopbackIssuers),
    company: companyOf(world),
    showConsole: pages?.show,
    letIn: (asked, id) => front.letIn(asked, id),
  })
  const authzen = mountAuthzen({
    ...world,
    appRules: followAppRules(world.replica),
    shadow: makeShadow({ ...world, onFault: failed(world.log, 'shadow') }),
    readTask: token => taskOf(world, token),
  })
  const listener = getRequestListener(makeApi(world).fetch)
  return (req, res) => {
    void front
      .answer(req, res)
      .then(async isOurs => isOurs || (await oauth(req, res)))
      .then(async isOurs => isOurs || (await authzen(req, res)))
      .then(async isOurs => isOurs || (await direct(req, res)))
      .then(async isOurs => isOurs || ((await pages?.answer(req, res)) ?? false))
      .then(isAnswered => (isAnswered ? undefined : listener(req, res)))
      .catch((thrown: unknown) => {
        world.log({ door: causeText(thrown) })
        res.destroy()
      })
  }
}

/** Asked for each decision, so the token is looked up once. */
async function taskOf(world: World, token: string): Promise<TaskToken | null> {
  const claims = readTaskToken(world, token)
  if (claims === null) return null
  const standing = claims.audience === world.issuer ? lookAt(world, claims) : ''
  return typeof standing === 'string' ? world.verifyTask(token) : standing
}

function hostsOf({ issuer, config }: World, port: number): string[] {
  const isLoopback = ['127.0.0.1', 'localhost', '::1'].includes(config.host)
  return [new URL(issuer).host, ...(isLoopback ? [`127.0.0.1:${port}`, `localhost:${port}`] : [])]
}

function companyOf(world: World) {
  const { company, loopbackIssuers } = world.config
  if (company === null) return undefined
  const { clientSecretFile: file, ...known } = company
  return companySignIn(world, {
    ...known,
    name: new URL(company.issuer).host,
    redirectUri: `${world.issuer}/sign-in/callback`,
    ...(file !== null && { clientSecret: readFileSync(file, 'utf8').trim() }),
    allowLoopbackHttp: loopbackIssuers.includes(new URL(company.issuer).origin),
  })
}

async function listen(server: http.Server, config: Config): Promise<number> {
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(config.port, config.host, done)
  }).catch((cause: NodeJS.ErrnoException) => {
    const [{ port }, { code }, field] = [config, cause, 'LEASEHOLD_PORT']
    if (code === 'EADDRINUSE') throw problemOf('port-taken', { port, field, cause })
    throw problemOf('port-not-opened', { port, code, field, cause })
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has a port')
  return address.port
}

async function closeServer(server: http.Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>(done => server.close(() => done()))
}

/** One line of JSON on standard error: for machines; nothing secret gets this far. */
export function logLine(line: Readonly<Record<string, unknown>>): void {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`)
}

async function serve(): Promise<void> {
  const acceptLoss = process.argv.includes('--accept-loss')
  const running = await startServer(readConfig(process.env), { acceptLoss })
  process.stdout.write(
    `${product.name} ${product.version}\n  pages and issuer  ${running.issuer}\n  API               ${running.address}\n` +
      `  sign in (once, within 15 minutes)  ${await running.signInLink()}\n`,
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.stop().then(() => process.exit(0)))
}

if (import.meta.main)
  await serve().catch((thrown: unknown) => {
    if (!isProblem(thrown)) throw thrown
    process.stderr.write(
      `✕ ${thrown.detail}${thrown.next === undefined ? '' : `\n  ${thrown.next}`}\n`,
    )
    process.exitCode = problemTable[thrown.code].exit
  })
