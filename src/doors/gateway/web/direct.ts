/**
 * The direct door to an MCP server, `/mcp/<resource>`: for clients that are configured with nothing but a
 * URL. It says where to sign in (RFC 9728), and takes the token of a task, or the one a person let an MCP
 * client have for exactly this resource; finds that task's lease or asks for one; and answers in a session
 * of it like any tunnel's. Whose work it is, and under which lease: `direct-work.ts`.
 *
 * ATTACKER: holds a token for another resource or for our API, puts one into a link, wants to know what
 * resources there are. INVARIANT: the caller's token goes no further than these two files.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { LeaseId } from '../../../core/base/ids.ts'
import { isProblem, Problem, type ProblemCode, problemOf } from '../../../core/base/problem.ts'
import type { LeaseRow } from '../../../core/lease/rows.ts'
import { clientScope } from '../../../life/sign-in/authorization-server.ts'
import { findMcp, mcpUri } from '../../../life/sign-in/work.ts'
import { sendJson } from '../../api/oauth/answer.ts'
import { DenialAnswer, textOf } from '../../api/problem.ts'
import { bounds } from '../bounds.ts'
import { type Door, letThrough, talkFor } from '../gateway.ts'
import { Pace } from '../pace.ts'
import { type GatewayWorld, over } from '../tunnel.ts'
import { type Caller, openWork } from './direct-work.ts'
import { answerMcp } from './mcp/mcp.ts'
import { refuse, requestsOf } from './serve.ts'

const described = '/.well-known/oauth-protected-resource'
const places = /^(\/\.well-known\/oauth-protected-resource)?\/mcp\/([a-z][a-z0-9_.-]{0,99})$/

/** Answers true when the request was for this door and is answered. */
export function openDirect(door: Door) {
  const { world } = door
  const work = openWork(world)
  const open = new Map<LeaseId, Live>()
  return async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    const [path = '', query] = (req.url ?? '').split('?')
    const [, isDescription, slug] = places.exec(path) ?? []
    if (slug === undefined) return false
    try {
      // 1. What is asked about. A token in a link ends up in logs and histories: no query at all.
      if (query !== undefined)
        throw no('bad-request', 'This address has no query; a token goes into `Authorization`.')
      const resource = findMcp(world.replica, slug)
      if (resource === undefined) throw no('not-found', 'There is no MCP server of this name here.')
      if (isDescription !== undefined) return describe(world, slug, req, res)
      // 2. Who asks, for which task, now; and the lease of that task.
      const caller = await work.callerOf(req, resource)
      const lease = await work.leaseOf(caller, resource.id)
      // 3. Its session, where what is asked is judged and carried.
      const live = open.get(lease.id) ?? begin(door, lease, open)
      const { under, handle } = await live.requests
      if (under.size >= bounds.directRequests)
        throw no('rate-limited', 'Too many requests of this client are open.')
      Object.assign(live, { caller, lastMs: world.clock.monotonicMs() })
      await handle(req, res)
      live.lastMs = world.clock.monotonicMs()
    } catch (thrown) {
      challenge(world, slug, res, thrown)
      // What was not read of a body can not be skipped safely.
      if (!req.complete && !res.headersSent) res.setHeader('Connection', 'close')
      refuse(res, tellable(world, thrown))
    }
    return true
  }
}

/** RFC 9728 §3. */
function describe(
  world: GatewayWorld,
  slug: string,
  { method = '' }: IncomingMessage,
  res: ServerResponse,
): true {
  if (method !== 'GET') throw no('method-not-allowed', 'This takes GET.')
  const body = {
    resource: mcpUri(world, slug),
    resource_name: slug,
    authorization_servers: [world.issuer],
    bearer_methods_supported: ['header'],
    scopes_supported: [clientScope],
  }
  sendJson(res, { status: 200, body })
  return true
}

/** RFC 6750 §3 and RFC 9728 §5.1: how to get a token that is good here. */
function challenge(world: GatewayWorld, slug: string, res: ServerResponse, thrown: unknown): void {
  const isRefused = isProblem(thrown, 'token-refused')
  if (res.headersSent || (!isRefused && !isProblem(thrown, 'not-signed-in'))) return
  const error = isRefused ? 'error="invalid_token", ' : ''
  const where = `${world.issuer}${described}/mcp/${slug}`
  const says = `Bearer ${error}resource_metadata="${where}", scope="${clientScope}"`
  res.setHeader('WWW-Authenticate', says)
}

function tellable({ log }: GatewayWorld, thrown: unknown): unknown {
  if (thrown instanceof DenialAnswer) {
    const { says, rule, wouldPassIf, shortId: decision } = thrown.denial
    return problemOf('rule-denies', { says, rule, wouldPassIf, decision })
  }
  if (!isProblem(thrown)) log({ direct: textOf(thrown) })
  return thrown
}

/** A session of a lease, opened by its first request. */
interface Live {
  readonly requests: Promise<ReturnType<typeof requestsOf>>
  caller?: Caller
  lastMs: number
}

/** It ends when nobody has asked for a while, when the sign-in it hangs on is over, or is cut. */
function begin(door: Door, lease: LeaseRow, open: Map<LeaseId, Live>): Live {
  const { world } = door
  if (door.under.size > bounds.tunnels) throw no('rate-limited', 'Too many sessions are open.')
  const { promise: requests, resolve, reject } = Promise.withResolvers<Awaited<Live['requests']>>()
  const live: Live = { requests, lastMs: world.clock.monotonicMs() }
  open.set(lease.id, live)
  const forget = () => open.get(lease.id) === live && open.delete(lease.id)
  const broke = (thrown: unknown) => world.log({ gateway: String(thrown) })
  const work = letThrough(door, { lease }, async given => {
    const upstream = await world.targets.call(lease.targetId, 'issue', async to => to.upstream)
    if (upstream === undefined) throw over('There is no gateway for this target.')
    const ended = new AbortController()
    const signal = AbortSignal.any([given.signal, ended.signal])
    const talk = talkFor(door, lease, { upstream, pace: new Pace() })(given)
    const bytes = { toTarget: 0, toCaller: 0 }
    const asked = requestsOf(
      {
        signal,
        // A refusal is the answer for a moment: each is an entry in the log.
        admit: () =>
          given.admit().catch((thrown: unknown) => {
            setTimeout(() => ended.abort(), bounds.refusedForMs).unref()
            throw thrown
          }),
      },
      async (req, res, until) => {
        const { socket, headers } = req
        const { bytesWritten } = socket
        // The server's own path, where it is looked for.
        req.url = upstream.url.pathname
        await answerMcp(talk, req, res, until).finally(() => {
          bytes.toTarget += Number(headers['content-length'] ?? 0)
          bytes.toCaller += socket.bytesWritten - bytesWritten
        })
      },
      broke,
    )
    resolve(asked)
    const clock = setInterval(() => void look(), bounds.signInTickMs)
    const look = async () => {
      const idleMs = world.clock.monotonicMs() - live.lastMs
      if (asked.under.size > 0) {
        // Who asks again is looked at then; what goes on longer than a request, here.
        const isSignedIn = await live.caller?.isSignedIn?.().catch(() => true)
        if (isSignedIn === false) ended.abort(over('The sign-in is over.', 'Sign in again.'))
      } else if (idleMs > bounds.directIdleMs) ended.abort()
    }
    if (!signal.aborted) await once(signal, 'abort')
    clearInterval(clock)
    // Whoever comes now begins another one.
    forget()
    await Promise.race([Promise.all(asked.under), wait(bounds.lastWordMs)])
    const reason: unknown = ended.signal.reason
    return { ...bytes, rows: null, endedBy: 'us', problem: isProblem(reason) ? reason : undefined }
  }).catch((thrown: unknown) => {
    reject(thrown)
    forget()
  })
  requests.catch(() => {})
  door.under.add(work)
  void work.finally(() => door.under.delete(work))
  return live
}

function no(code: ProblemCode, detail: string): Problem {
  return new Problem(code, { detail })
}
