/**
 * MCP over streamable HTTP, in the revision the target speaks: each message is read, judged and carried;
 * what comes back is carried as it is, but for lists of tools, which show what may be called now.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { base64url, hmacSha256 } from '../../../../core/base/hash.ts'
import type { JsonObject } from '../../../../core/base/json.ts'
import { isProblem, problemOf } from '../../../../core/base/problem.ts'
import type { Meter } from '../../../../life/budget/meter.ts'
import { shortId } from '../../../../life/lists/short-id.ts'
import type { Tool } from '../../../../life/tools/pin.ts'
import { readBytes } from '../../../api/body.ts'
import { bounds } from '../../bounds.ts'
import { headersBack, send } from '../forward.ts'
import type { Judged } from '../judge-call.ts'
import { bridge, type Hop, type McpTalk, minted, type Told } from './bridge.ts'
import { readEvents } from './events.ts'
import * as messages from './message.ts'

export async function answerMcp(
  talk: McpTalk,
  req: IncomingMessage,
  res: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { method = '' } = req
  const [path = ''] = (req.url ?? '').split('?')
  if (path !== talk.upstream.url.pathname) throw problemOf('nothing-here')
  if (!['POST', 'GET', 'DELETE'].includes(method)) throw problemOf('mcp-methods')
  const session = unwrap(talk, req)
  if (session === undefined)
    return reply(res, 404, messages.fault(noMessage, -32001, 'There is no such session.'))
  // Ours has no stream of its own, and nothing to end.
  if (method !== 'POST' && session.startsWith(minted)) return void res.writeHead(405).end()
  if (method !== 'POST') return carry(talk, { req, res, session, body: Buffer.alloc(0) }, signal)
  const message = messages.readMessage(await readBody(req))
  const wrong = messages.headerMismatch(message, req.headers)
  if (wrong !== undefined) return reply(res, 400, wrong)
  const wanted = messages.wantedBy(message)
  if (wanted.kind === 'unknown') {
    const status = messages.isModern(message, String(req.headers['mcp-protocol-version']))
      ? 404
      : 200
    return reply(res, status, messages.fault(message, -32601, 'Method not found'))
  }
  const { answer: refused, meter } = await judge(talk, message, wanted)
  if (refused !== undefined) return reply(res, 200, refused)
  const body = Buffer.from(JSON.stringify(message))
  const hop: Paid = { req, res, session, message, signal, body, meter }
  try {
    const told = await bridge(talk, hop)
    const answer = told && (() => finish(talk, hop, told))
    // A target may speak both, and tells so only here.
    if (answer === undefined || message.method === 'initialize')
      return await carry(talk, hop, signal, answer)
    await answer()
  } catch (thrown) {
    if (!isProblem(thrown, 'over-budget') || res.headersSent) throw thrown
    reply(res, 200, messages.denied(message, { problem: thrown }))
  } finally {
    await meter?.close()
  }
}

/** What is carried, and the meter it is counted by. */
type Paid = Hop & { readonly body: Buffer; readonly meter?: Meter | undefined }

/** What was bridged is shown as what is carried; the session it begins is ours. */
async function finish(talk: McpTalk, { res, message, meter }: Paid, [status, told]: Told) {
  if (told === undefined) return void res.writeHead(status).end()
  if (message.method === 'initialize')
    res.setHeader('mcp-session-id', wrap(talk, minted + base64url(randomBytes(16))))
  const text = shown(talk, JSON.stringify(told))
  await meter?.take({ bytes: Buffer.byteLength(text) })
  if (res.headersSent) res.end(`data: ${text}\n\n`)
  else reply(res, status, text)
}

const noMessage: messages.Message = { jsonrpc: '2.0' }

/** The answer to give instead of the target's, where it may not be asked. */
async function judge(
  talk: McpTalk,
  message: messages.Message,
  wanted: messages.Wanted,
): Promise<{ readonly answer?: messages.Message | undefined; readonly meter?: Meter | undefined }> {
  // What a list is held to must be known before there is one.
  if (message.method === 'tools/list') await talk.catalogue.look(talk.targetId, talk.upstream)
  if (wanted.kind !== 'tool') {
    if (wanted.kind !== 'read') return {}
    return told(message, await talk.judge.ask({ action: 'read', asked: String(message.method) }))
  }
  const { name } = wanted
  const tool = await talk.catalogue.find(talk.targetId, talk.upstream, name)
  const action = tool && talk.upstream.classOf(talk.object, name, tool.said)
  // ATTACKER: a tool nobody lists, or added since: nobody agreed to it, and no class is its own.
  if (tool === undefined || action === undefined)
    return { answer: messages.fault(message, -32602, `Unknown tool: ${name}`) }
  if (!tool.isAgreed)
    return {
      answer: messages.toolFailed(message, changed(name), { denied: true, code: 'hash-mismatch' }),
    }
  const said = async () => message.params?.['arguments'] ?? {}
  const call = { action, asked: `tools/call ${name}`, tool: name, said }
  return told(message, await talk.judge.ask(call))
}

function told(message: messages.Message, { refused, meter }: Judged) {
  const ref = refused?.denial && shortId('decision', refused.denial.decisionId)
  return { answer: refused && messages.denied(message, refused, ref), meter }
}

function changed(name: string): string {
  return `Denied: ${name} is new, or not what was agreed to any more: what it says of itself has changed.\nIt can be called again once the owner of this target has read and agreed to it.\nDo instead: use another tool, and tell the user.`
}

type Exchange = Pick<Paid, 'req' | 'res' | 'session' | 'body' | 'meter'>

/** `refused` answers instead, where the target does not know what it is asked. */
async function carry(
  talk: McpTalk,
  { req, res, session, body, meter }: Exchange,
  signal: AbortSignal,
  refused?: () => void | Promise<void>,
): Promise<void> {
  const { 'mcp-session-id': _, ...headers } = req.headers
  const sent = session === '' ? headers : { ...headers, 'mcp-session-id': session }
  const path = talk.upstream.url.pathname
  const answer = await send(
    talk.upstream,
    { method: req.method ?? '', path, headers: sent, body },
    signal,
  )
  const status = answer.statusCode ?? 502
  if (refused !== undefined && [400, 404, 405].includes(status)) {
    answer.destroy()
    return refused()
  }
  const back = headersBack(answer)
  const given = back['mcp-session-id']
  if (given !== undefined) back['mcp-session-id'] = wrap(talk, String(given))
  if (back['content-type']?.startsWith('text/event-stream') === true) {
    res.writeHead(status, back).flushHeaders()
    for await (const part of readEvents(answer, text => shown(talk, text))) {
      await meter?.take({ bytes: Buffer.byteLength(part) })
      if (!res.write(part))
        await Promise.race([
          new Promise(done => res.once('drain', done)),
          wait(bounds.upstreamSilentMs, undefined, { signal }),
        ])
    }
    return void res.end()
  }
  const { 'content-length': __, ...head } = back
  const text = (await readBody(answer)).toString()
  await meter?.take({ bytes: Buffer.byteLength(text) })
  const isJson = back['content-type']?.startsWith('application/json') === true
  res.writeHead(status, head).end(isJson ? shown(talk, text) : text)
}

/** A list of tools shows what may be called now; everything else goes by as it is. */
function shown({ targetId, upstream, object, catalogue, judge }: McpTalk, text: string): string {
  if (!text.includes('"tools"')) return text
  const message = JSON.parse(text) as { result?: JsonObject }
  const tools = message.result?.['tools']
  if (!Array.isArray(tools)) return text
  const may = new Map<string, boolean>()
  const isOpen = (tool: Tool) => {
    const action = upstream.classOf(object, tool.name, tool as JsonObject)
    const isAgreed = catalogue.isAgreed(targetId, tool)
    if (!isAgreed) catalogue.forget(targetId)
    if (action === undefined || !isAgreed || judge.isHeld(tool.name)) return false
    if (!may.has(action)) may.set(action, judge.may(action))
    return may.get(action) === true
  }
  const open = (tools as unknown as Tool[]).filter(isOpen)
  const scope = 'cacheScope' in (message.result ?? {}) ? { cacheScope: 'private' } : {}
  return JSON.stringify({ ...message, result: { ...message.result, tools: open, ...scope } })
}

// ── sessions of the target, each bound to one run ──

function wrap({ word }: McpTalk, session: string): string {
  return `${sealOf(word, session)}.${session}`
}

/** Undefined for one that was not given to this run. */
function unwrap({ word }: McpTalk, { headers }: IncomingMessage): string | undefined {
  const given = headers['mcp-session-id']
  if (given === undefined) return ''
  const [seal, ...rest] = String(given).split('.')
  const session = rest.join('.')
  return seal === sealOf(word, session) ? session : undefined
}

function sealOf(word: string, session: string): string {
  return base64url(hmacSha256(Buffer.from(word), `mcp session ${session}`)).slice(0, 22)
}

function readBody(from: IncomingMessage): Promise<Buffer> {
  return readBytes(from, bounds.messageBytes, 'A message')
}

function reply(res: ServerResponse, status: number, message: messages.Message | string): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  res.end(typeof message === 'string' ? message : JSON.stringify(message))
}
