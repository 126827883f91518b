/**
 * Between a client of one revision of MCP and a target that speaks only the other. What comes here has
 * been judged as what is carried as it is; it goes on by a client of ours, one a run. The session a
 * client of 2025-11-25 has with us is a name alone.
 *
 * Not bridged: what a server asks back (told as an error), subscriptions, changes of lists, and log
 * lines of a 2025-11-25 server. INVARIANT: nothing of one run is seen by another.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Client, ProtocolError, SdkHttpError } from '@modelcontextprotocol/client'
import { z } from 'zod'
import type { TargetId } from '../../../../core/base/ids.ts'
import type { Json, JsonObject } from '../../../../core/base/json.ts'
import { connectTo, leave, unavailable } from '../../../../life/tools/look.ts'
import { bounds } from '../../bounds.ts'
import type { Talk } from '../http.ts'
import type { Catalogue } from './catalogue.ts'
import { claimOf, fault, isModern, type Message, modern } from './message.ts'
import * as say from './revisions.ts'

export interface McpTalk extends Talk {
  readonly targetId: TargetId
  readonly catalogue: Catalogue
  readonly bridges: Bridges
  /** Of the run; its sessions are bound to it. */
  readonly word: string
}

export interface Hop {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** The target's own name of it, or ours; empty where there is none. */
  readonly session: string
  readonly message: Message
  readonly signal: AbortSignal
}

/** What to answer, with which status. */
export type Told = readonly [status: number, message?: Message]

/** Begins the name of each session that is ours. */
export const minted = 'bridged.'

/** Undefined where both speak the same. What is told to `initialize` is for who refuses it. */
export async function bridge(talk: McpTalk, hop: Hop): Promise<Told | undefined> {
  const { message, session, req } = hop
  const header = String(req.headers['mcp-protocol-version'])
  const isNew = claimOf(message) !== undefined || isModern(message, header)
  if (!isNew && session.startsWith(minted)) return answerOld(talk, hop)
  if (!isNew && message.method !== 'initialize') return undefined
  // Who can not be looked at is asked all the same, and tells why.
  const look = await talk.catalogue.look(talk.targetId, talk.upstream).catch(() => undefined)
  if (look === undefined || isNew === (look.revision === modern)) return undefined
  if (!isNew) return [200, say.welcomed(message, look.says)]
  const wrong = say.wrongIn(message, req.headers)
  if (wrong !== undefined) return [400, wrong]
  if (message.id === undefined) return [202]
  if (message.method === 'server/discover') return [200, say.discovered(message, look.says)]
  const told = say.toNew(message, await ask(talk, hop))
  return [told.error?.['code'] === -32601 ? 404 : 200, told]
}

async function answerOld(talk: McpTalk, hop: Hop): Promise<Told> {
  const { id, method, params } = hop.message
  if (id === undefined || method === undefined) return [202]
  const level = params?.['level']
  if (method === 'logging/setLevel' && typeof level === 'string')
    talk.bridges.join(talk).level = level
  if (method === 'logging/setLevel' || method === 'ping')
    return [200, say.resultTo(hop.message, {})]
  return [200, say.toOld(await ask(talk, hop))]
}

const anything = z.looseObject({})

async function ask(talk: McpTalk, { message, res, signal }: Hop): Promise<Message> {
  const { method = '', params } = message
  if (!say.isCommon(method)) return fault(message, -32601, 'Method not found')
  signal.throwIfAborted()
  const run = talk.bridges.join(talk)
  const client = await run.client
  const { progressToken, own } = say.metaOf(message, run.level)
  run.log = line => tell(res, 'notifications/message', line)
  const onprogress = (step: object) => {
    run.idle.refresh()
    if (progressToken !== undefined) tell(res, 'notifications/progress', { progressToken, ...step })
  }
  const options = { timeout: bounds.bridgedMs, resetTimeoutOnProgress: true, signal, onprogress }
  const { asks } = run
  try {
    const sent = { ...params, _meta: own }
    const any = { ...options, allowInputRequired: true } as const
    const made = (await (method === 'tools/call'
      ? client.callTool({ name: '', ...sent }, any)
      : client.request({ method, params: sent }, anything, any))) as JsonObject
    const isAsked = made['resultType'] === 'input_required' || (made['isError'] && run.asks > asks)
    return isAsked ? say.asksBack(message) : say.resultTo(message, made)
  } catch (thrown) {
    const isProtocol = thrown instanceof ProtocolError
    if (run.asks > asks || (isProtocol && thrown.code === -32021)) return say.asksBack(message)
    if (isProtocol) return fault(message, thrown.code, thrown.message, thrown.data as Json)
    // It has forgotten our session, or does not know the method: the next request begins anew.
    if (thrown instanceof SdkHttpError && thrown.status === 404) talk.bridges.leave(talk.word)
    const problem = unavailable(thrown)
    if (!res.headersSent || signal.aborted) throw problem
    return fault(message, -32603, problem.detail)
  }
}

/** On the stream of the request, before its answer; left out where the client does not take it. */
function tell(res: ServerResponse, method: string, params: object | undefined): void {
  if (res.writableEnded || res.destroyed || res.writableLength > bounds.messageBytes) return
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' })
  res.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`)
}

interface Run {
  readonly client: Promise<Client>
  readonly idle: NodeJS.Timeout
  /** How often the server asked something back. */
  asks: number
  /** Of log lines, as the client said last; they go to who asked last. */
  level?: string
  log?: (line: object | undefined) => void
}

/** A class because it guards the clients of runs. */
export class Bridges {
  readonly #runs = new Map<string, Run>()

  /** The client of this run. One too many, and the oldest goes. */
  join({ word, upstream }: McpTalk): Run {
    const [oldest = ''] = this.#runs.keys()
    const run = this.#runs.get(word) ?? this.#open(word, connectTo(upstream))
    if (this.#runs.size > bounds.bridgedRuns) this.leave(oldest)
    run.idle.refresh()
    return run
  }

  /** A run that is over, or begins anew. */
  leave(word: string): void {
    const run = this.#runs.get(word)
    this.#runs.delete(word)
    clearTimeout(run?.idle)
    void run?.client.then(leave).catch(() => {})
  }

  #open(word: string, client: Promise<Client>): Run {
    const idle = setTimeout(() => this.leave(word), bounds.bridgeIdleMs).unref()
    const run: Run = { client, idle, asks: 0 }
    this.#runs.set(word, run)
    const drop = () => this.#runs.get(word) === run && this.leave(word)
    client.then(at => listen(at, run), drop)
    return run
  }
}

function listen(client: Client, run: Run): void {
  client.fallbackRequestHandler = async () => {
    run.asks++
    throw new ProtocolError(-32601, 'This client speaks another revision and can not be asked.')
  }
  client.fallbackNotificationHandler = async ({ method, params }) => {
    if (method === 'notifications/message') run.log?.(params)
  }
}
