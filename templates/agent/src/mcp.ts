/**
 * Tools of an MCP server, through the door that `leasehold dev` and `run` open on this machine: Streamable HTTP of the
 * Model Context Protocol, 2025-11-25, as much of it as calling tools takes. The gateway lists what may be called now and
 * judges each call; the key of the server is not here.
 */
export interface Tools {
  list(): Promise<Tool[]>
  call(name: string, given: object): Promise<Told>
  close(): Promise<void>
}
/** `asks`: what it can not be called without. */
export type Tool = { name: string; says: string; asks: string[]; isReading: boolean }
/** A refusal is an answer: it says the rule, and what is allowed instead. */
export type Told = { text: string; isRefused: boolean }

const version = '2025-11-25'
const mostPages = 5
const mostChars = 1_000_000
const waitMs = 30_000

type Json = Readonly<Record<string, unknown>>

export async function connect(address: string, word: string): Promise<Tools> {
  const known: Record<string, string> = {
    authorization: `Bearer ${word}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
  }
  let last = 0
  const send = async (method: string, params: object, id?: number): Promise<Json> => {
    const response = await fetch(address, {
      method: 'POST',
      headers: known,
      body: JSON.stringify({ jsonrpc: '2.0', method, params, ...(id !== undefined && { id }) }),
      redirect: 'error',
      signal: AbortSignal.timeout(waitMs),
    })
    const session = response.headers.get('mcp-session-id')
    if (session !== null) known['mcp-session-id'] = session
    const said = await read(response, id)
    const { error, detail } = said
    if (error !== undefined) throw new Error(String(objectOf(error)['message']))
    if (!response.ok) throw new Error(String(detail ?? `it answered with ${response.status}`))
    return objectOf(said['result'])
  }
  const ask = (method: string, params: object) => send(method, params, ++last)
  const clientInfo = { name: 'agent', version: '0.1.0' }
  const begun = await ask('initialize', { protocolVersion: version, capabilities: {}, clientInfo })
  known['mcp-protocol-version'] = String(begun['protocolVersion'] ?? version)
  await send('notifications/initialized', {})
  return {
    async list() {
      const tools: Tool[] = []
      let cursor: unknown
      for (let page = 0; page < mostPages; page++) {
        const said = await ask('tools/list', cursor === undefined ? {} : { cursor })
        tools.push(...listOf(said['tools']).map(toolOf))
        cursor = said['nextCursor']
        if (cursor === undefined) break
      }
      return tools
    },
    async call(name, given) {
      const said = await ask('tools/call', { name, arguments: given })
      const parts = listOf(said['content']).map(each => String(each['text'] ?? `(${each['type']})`))
      return { text: parts.join('\n'), isRefused: said['isError'] === true }
    },
    async close() {
      await fetch(address, { method: 'DELETE', headers: known }).catch(() => {})
    },
  }
}

function toolOf(row: Json): Tool {
  const { name, description = '', inputSchema, annotations } = row
  const required = objectOf(inputSchema)['required']
  const asks = Array.isArray(required) ? required.map(String) : []
  const isReading = objectOf(annotations)['readOnlyHint'] === true
  return { name: String(name), says: String(description), asks, isReading }
}

/** One answer as JSON, or the one with that id in a stream of events. */
async function read(response: Response, id: number | undefined): Promise<Json> {
  let text = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.length > mostChars) throw new Error('the answer is too long')
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
    const told = isStream ? eventsIn(text).find(each => each['id'] === id) : undefined
    if (told !== undefined) return told
  }
  return text === '' ? {} : jsonOf(text)
}

/** Those that have arrived whole. */
function eventsIn(text: string): Json[] {
  const whole = text.replaceAll('\r\n', '\n').split('\n\n').slice(0, -1)
  const data = (event: string) => event.match(/^data: ?.*$/gm)?.map(line => line.slice(5)) ?? []
  return whole
    .map(event => data(event).join('\n'))
    .filter(Boolean)
    .map(jsonOf)
}

function jsonOf(text: string): Json {
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return {}
  }
}

const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {}
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.map(objectOf) : [])
