/**
 * Messages of MCP (JSON-RPC 2.0) as the gateway reads them: what a client asks for, as a class of data
 * use, and how a no is told. Pure. Source: MCP 2025-11-25 and 2026-07-28.
 */
import { isObject, type Json, type JsonObject } from '../../../../core/base/json.ts'
import { Problem, problemOf } from '../../../../core/base/problem.ts'
import type { Refused } from '../judge-call.ts'

export interface Message {
  readonly jsonrpc: '2.0'
  readonly id?: string | number | null
  readonly method?: string
  readonly params?: JsonObject
  readonly result?: JsonObject
  readonly error?: JsonObject
}

/** A number as it was written, for what JavaScript's own can not hold. */
const json = JSON as typeof JSON & { rawJSON(source: string): unknown }

export const modern = '2026-07-28'

/** One message, and no batch. ATTACKER: members that occur twice; what goes on is what was read. */
export function readMessage(body: Buffer): Message {
  const text = body.toString()
  // Integers beyond 2^53 would come out as others.
  const keep = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? json.rawJSON(context?.source ?? String(value))
      : value
  let read: unknown
  try {
    read = /\d{16}/.test(text) ? JSON.parse(text, keep) : JSON.parse(text)
  } catch {
    throw new Problem('bad-json', { detail: 'The message is not JSON.' })
  }
  if (!isMessage(read)) throw problemOf('not-json-rpc')
  return read
}

function isMessage(read: unknown): read is Message {
  if (!isObject(read) || read['jsonrpc'] !== '2.0') return false
  const { id, method, params } = read
  const hasId = id === undefined || id === null || ['string', 'number'].includes(typeof id)
  const isAsked =
    method === undefined ? 'result' in read || 'error' in read : typeof method === 'string'
  return hasId && isAsked && (params === undefined || isObject(params))
}

/** The revision a client speaks: it says so with each request, or when it begins. */
export function isModern(message: Message, header: string | undefined): boolean {
  return (claimOf(message) ?? header) === modern && message.method !== 'initialize'
}

/** What a request says of its own revision; one of before says nothing. */
export function claimOf({ params }: Message): Json | undefined {
  const meta = params?.['_meta']
  return isObject(meta) ? meta['io.modelcontextprotocol/protocolVersion'] : undefined
}

/** What belongs to having a session at all: decided when it was opened, and as long as it is. */
const ofSession =
  /^(initialize|ping|server\/discover|logging\/setLevel|tools\/list|resources\/(templates\/)?list|prompts\/list|completion\/complete|subscriptions\/listen|notifications\/[\w/]+)$/
const reads =
  /^(resources\/(read|subscribe|unsubscribe)|prompts\/get|tasks\/(get|list|result|cancel))$/

export type Wanted =
  | { readonly kind: 'session' }
  | { readonly kind: 'tool'; readonly name: string }
  | { readonly kind: 'read' }
  /** Of no revision we know: nobody could say what it does, so it goes nowhere. */
  | { readonly kind: 'unknown' }

export function wantedBy({ method, params }: Message): Wanted {
  if (method === undefined || ofSession.test(method)) return { kind: 'session' }
  if (method === 'tools/call') {
    const name = params?.['name']
    if (typeof name === 'string' && /^[\w./-]{1,128}$/.test(name)) return { kind: 'tool', name }
    throw problemOf('not-a-tool-name', { field: 'params.name' })
  }
  return { kind: reads.test(method) ? 'read' : 'unknown' }
}

/**
 * Headers that repeat what a message says are for those on the way (2026-07-28 §transports): where they
 * differ, somebody reads something else than we do. Answers with the error to send.
 */
export function headerMismatch(
  message: Message,
  headers: NodeJS.Dict<string | string[]>,
): Message | undefined {
  const { method, params } = message
  const name = params?.[method === 'resources/read' ? 'uri' : 'name']
  const differs = (header: string, is: Json | undefined) => {
    const said = headers[header]
    return said !== undefined && is !== undefined && decode(String(said)) !== is
  }
  if (!differs('mcp-method', method) && !differs('mcp-name', name)) return undefined
  return fault(message, -32020, 'HeaderMismatch: a header does not say what the message says.')
}

function decode(said: string): string {
  const [, base64] = /^=\?base64\?([\w+/]*={0,2})\?=$/.exec(said) ?? []
  return base64 === undefined ? said : Buffer.from(base64, 'base64').toString()
}

export function fault({ id }: Message, code: number, message: string, data?: Json): Message {
  const error = { code, message, ...(data !== undefined && { data }) }
  return { jsonrpc: '2.0', id: id ?? null, error }
}

/** A no as an agent reads it: what, why, what instead. To a tool as its result, so that it is read. */
export function denied(
  message: Message,
  { problem, denial }: Pick<Refused, 'problem' | 'denial'>,
  ref?: string,
): Message {
  const instead = denial?.instead.map(({ says, command }) =>
    command ? `${says}: leasehold ${command}` : says,
  )
  const text = [
    `${problem.code === 'approval-needed' ? 'Not yet' : 'Denied'}: ${problem.detail}`,
    denial === undefined
      ? ''
      : 'Other tools or credentials for the same will be denied too, and it is logged.',
    `Do instead: ${instead?.join(' Or: ') || problem.next || 'go on without it.'}`,
    ref === undefined ? '' : `ref ${ref}`,
  ].filter(line => line !== '')
  const told = text.join('\n')
  if (message.method !== 'tools/call') return fault(message, -32003, told)
  const structured = {
    denied: true,
    code: problem.code,
    rule: denial?.rule ?? null,
    ref: ref ?? null,
  }
  return toolFailed(message, told, structured)
}

export function toolFailed(message: Message, text: string, structuredContent: JsonObject): Message {
  const result = { content: [{ type: 'text', text }], isError: true, structuredContent }
  return { jsonrpc: '2.0', id: message.id ?? null, result: { ...result, resultType: 'complete' } }
}
