/**
 * The same said in the other revision of MCP: "old" is 2025-11-25, whose clients have a session, "new" is
 * 2026-07-28, whose requests each say everything. Pure. What one can not say is left out, or told.
 */
import { isObject, type JsonObject } from '../../../../core/base/json.ts'
import type { Says } from '../../../../life/tools/look.ts'
import { fault, type Message, modern, toolFailed } from './message.ts'

const ours = 'io.modelcontextprotocol/'
const versionKey = `${ours}protocolVersion`
const canKey = `${ours}clientCapabilities`
/** What both ask alike. */
const common =
  /^((tools|prompts|resources|resources\/templates)\/list|tools\/call|prompts\/get|resources\/read|completion\/complete)$/
export const isCommon = (method: string) => common.test(method)

export function resultTo({ id }: Message, result: JsonObject): Message {
  return { jsonrpc: '2.0', id: id ?? null, result }
}

/** Told to a tool as its result, so that it is read. */
export function asksBack(asked: Message): Message {
  const text = `This server asks the client something before it answers. It speaks another revision of MCP than this client, which can not be asked through here.
Do instead: use another tool, or a client of the revision of this server.`
  const isTool = asked.method === 'tools/call'
  return isTool ? toolFailed(asked, text, { code: 'asks-back' }) : fault(asked, -32603, text)
}

/** The answer to `initialize`, in a version whose shapes are the same. */
export function welcomed(asked: Message, says: Says): Message {
  const wanted = asked.params?.['protocolVersion']
  const protocolVersion = wanted === '2025-06-18' ? wanted : '2025-11-25'
  return resultTo(asked, { ...says, protocolVersion, capabilities: offered(says, 'logging') })
}

export function discovered(asked: Message, { serverInfo, ...says }: Says): Message {
  const own = { supportedVersions: [modern], _meta: { [`${ours}serverInfo`]: serverInfo } }
  return toNew(asked, resultTo(asked, { ...says, ...own, capabilities: offered(says) }))
}

/** Of what a server can, what is done here: no subscription, no telling of changes. */
function offered({ capabilities }: Pick<Says, 'capabilities'>, ...more: string[]): JsonObject {
  const kinds = ['tools', 'prompts', 'resources', 'completions', ...more]
  return Object.fromEntries(kinds.filter(kind => kind in capabilities).map(kind => [kind, {}]))
}

/** What is wrong with a request in the new one, as the error that goes with HTTP 400. */
export function wrongIn(message: Message, headers: NodeJS.Dict<string | string[]>) {
  const meta = message.params?.['_meta']
  const said = isObject(meta) && isObject(meta[canKey]) ? meta[versionKey] : undefined
  if (said === undefined)
    return fault(message, -32602, `params._meta lacks ${versionKey} or ${canKey}.`)
  const isNamed = /^(tools\/call|prompts\/get|resources\/read)$/.test(message.method ?? '')
  const isBare =
    headers['mcp-method'] === undefined || (isNamed && headers['mcp-name'] === undefined)
  if (isBare || headers['mcp-protocol-version'] !== said)
    return fault(message, -32020, 'HeaderMismatch: a header does not say what the message says.')
  const data = { supported: [modern], requested: said }
  return said === modern ? undefined : fault(message, -32022, 'Not a version spoken here.', data)
}

/** To be kept nowhere: it was said to one run. */
export function toNew({ method = '' }: Message, told: Message): Message {
  const kept = /\/(list|read|discover)$/.test(method) ? { ttlMs: 0, cacheScope: 'private' } : {}
  const result = { ...told.result, resultType: 'complete', ...kept }
  return told.result === undefined ? told : { ...told, result }
}

export function toOld(told: Message): Message {
  const { resultType: _, ttlMs: __, cacheScope: ___, ...result } = told.result ?? {}
  return told.result === undefined ? told : { ...told, result }
}

/** What goes on: not what the new one says of the client. `level` of the log lines that are wanted. */
export function metaOf({ params }: Message, level?: string) {
  const meta = Object.entries(isObject(params?.['_meta']) ? params['_meta'] : {})
  const { progressToken, ...own } = Object.fromEntries(
    meta.filter(([name]) => !name.startsWith(ours)),
  )
  return { progressToken, own: level === undefined ? own : { ...own, [`${ours}logLevel`]: level } }
}
