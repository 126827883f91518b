/**
 * `agent mcp`: our nine tools as an MCP server on stdio (modelcontextprotocol.io/specification/2025-11-25, basic,
 * lifecycle, server/tools; 2026-07-28 for what says so in its `_meta`). Signed in as the person is; what an agent does
 * here it does for them, as an agent. INVARIANT: stdout has messages of the protocol alone, one a line.
 *
 * ATTACKER: what the agent was told to send. Bounded, held to the tool's shape, and not taken with a credential in it.
 */
import type { Answer } from '../../answer.ts'
import { type Cli, Options } from '../../cli.ts'
import { denialLines, Presenter } from '../../present.ts'
import { exits, Problem } from '../../problem.ts'
import { safeLine, shortIds } from '../../text.ts'
import { credentialsIn } from './credentials.ts'
import { linesOf } from './lines.ts'
import { rules } from './rules.ts'
import type { Args, Place, Told, Tool } from './tool.ts'
import { tools } from './tools.ts'

type Params = {
  name?: unknown
  arguments?: unknown
  protocolVersion?: unknown
  uri?: unknown
  _meta?: unknown
}
type Message = { jsonrpc?: unknown; id?: unknown; method?: string; params?: Params }
type Result = Readonly<Record<string, unknown>>

const old = ['2025-11-25', '2025-06-18', '2025-03-26']
const modern = '2026-07-28'
const versionKey = 'io.modelcontextprotocol/protocolVersion'
const serverInfo = { name: 'leasehold', title: 'Leasehold', version: '0.1.0' }
const most = { lineChars: 256 * 1024, open: 16, textChars: 1500 }

class Fault extends Error {
  readonly code: number

  constructor(code: number, says: string) {
    super(says)
    this.code = code
  }
}

export async function serve(given: Cli): Promise<Answer> {
  const at: Place = { folder: given.host.cwd }
  const open = new Set<Promise<void>>()
  for await (const line of linesOf(given.host.stdin, most.lineChars)) {
    if (line.trim() === '') continue
    const done = answer(given, at, line, open.size).then(said => {
      if (said !== undefined) given.host.stdout.write(`${JSON.stringify(said)}\n`)
    })
    open.add(done)
    void done.finally(() => open.delete(done))
  }
  await Promise.all(open)
  return { result: undefined }
}

async function answer(
  cli: Cli,
  at: Place,
  line: string,
  open: number,
): Promise<object | undefined> {
  let message: Message = {}
  try {
    message = parse(line)
    const { id, method, params = {} } = message
    // What has no id wants no answer; what has no method is one, and we asked nothing.
    if (id === undefined || method === undefined) return undefined
    if (open >= most.open) throw new Fault(-32000, 'Too much at once: wait for an answer.')
    const result = await does(cli, at, method, params)
    return { jsonrpc: '2.0', id, result: shaped(method, params, result) }
  } catch (error) {
    const isOurs = error instanceof Fault
    const [code, said] = isOurs ? [error.code, error.message] : [-32603, 'Something broke here.']
    if (!isOurs) cli.out.note(`Leasehold: ${error instanceof Error ? error.message : ''}`)
    return { jsonrpc: '2.0', id: message.id ?? null, error: { code, message: said } }
  }
}

function parse(line: string): Message {
  if (line.length > most.lineChars) throw new Fault(-32600, 'That is too long.')
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Fault(-32700, 'That is no JSON.')
  }
  const message = Object(value) as Message
  const isId = ['string', 'number', 'undefined'].includes(typeof message.id)
  const isPlain =
    ['string', 'undefined'].includes(typeof message.method) &&
    (message.params === undefined ||
      (typeof message.params === 'object' && message.params !== null))
  if (Array.isArray(value) || message.jsonrpc !== '2.0' || !isId || !isPlain)
    throw new Fault(-32600, 'That is no message of JSON-RPC 2.0.')
  return message
}

async function does(cli: Cli, at: Place, method: string, params: Params): Promise<Result> {
  switch (method) {
    case 'initialize': {
      const wanted = String(params.protocolVersion)
      const protocolVersion = old.includes(wanted) ? wanted : old[0]
      return { protocolVersion, capabilities, serverInfo, instructions: rules }
    }
    case 'server/discover':
      return {
        supportedVersions: [modern],
        capabilities,
        instructions: rules,
        _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
      }
    case 'ping':
      return {}
    case 'tools/list':
      return { tools: tools.map(({ does: _, ...shown }) => shown) }
    case 'tools/call':
      return call(cli, at, params)
    case 'resources/list':
      return { resources: [{ uri: rulesUri, name: 'rules', mimeType: 'text/plain' }] }
    case 'resources/read':
      if (params.uri !== rulesUri)
        throw new Fault(-32602, 'There is one resource: leasehold://rules')
      return { contents: [{ uri: rulesUri, mimeType: 'text/plain', text: rules }] }
    default:
      throw new Fault(-32601, 'There is no such method here.')
  }
}

const capabilities = { tools: {}, resources: {} }
const rulesUri = 'leasehold://rules'

/** What a message of 2026-07-28 is answered with beside its result. */
function shaped(method: string, { _meta }: Params, result: Result): Result {
  const meta = Object(_meta) as Record<string, unknown>
  if (meta[versionKey] !== modern) return result
  const kept = /\/(list|read|discover)$/.test(method) ? { ttlMs: 0, cacheScope: 'private' } : {}
  return { ...result, resultType: 'complete', ...kept }
}

async function call(given: Cli, at: Place, params: Params): Promise<Result> {
  const tool = tools.find(({ name }) => name === params.name)
  if (tool === undefined)
    throw new Fault(
      -32602,
      `There is no such tool. There are: ${tools.map(each => each.name).join(', ')}`,
    )
  const cli = asAgent(given, at)
  try {
    const args = argumentsOf(tool, params.arguments ?? {})
    return told(given, await tool.does(cli, args, at), false)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return told(given, refusal(error), true)
  }
}

/** Whoever calls is an agent: it is asked nothing at a keyboard, and says yes to nothing. */
function asAgent(cli: Cli, { folder }: Place): Cli {
  const host = { ...cli.host, cwd: folder, env: { ...cli.host.env, AI_AGENT: '1' } }
  const quiet = { isJson: false, isPlain: true, isQuiet: true, command: 'leasehold' }
  const options = new Options({ input: false })
  return {
    ...cli,
    host,
    options,
    out: new Presenter({ ...host, stderr: { write: () => {} } }, quiet),
  }
}

/** As the tool's shape says, and without a credential: then nothing is done with it. */
function argumentsOf(tool: Tool, given: unknown): Args {
  const args = Object(given) as Record<string, unknown>
  const kinds = credentialsIn(JSON.stringify(args))
  if (kinds.length > 0)
    throw new Problem({
      code: 'credential-sent',
      exit: exits.denied,
      what: `That has ${kinds.join(', ')} in it: nothing was done.`,
      why: 'It has been in your talk, so it is known. It must be revoked where it was made.',
      next: 'leasehold_report_secret, saying where it was seen and not what it is',
    })
  const { properties, required } = tool.inputSchema
  const wrong =
    required.find(name => args[name] === undefined) ??
    Object.keys(args).find(
      name => !Object.hasOwn(properties, name) || !fits(properties[name] ?? {}, args[name]),
    )
  if (wrong === undefined) return args as Args
  const may = JSON.stringify(properties[wrong] ?? Object.keys(properties))
  throw new Problem({
    code: 'invalid-field',
    exit: exits.usage,
    what: `\`${safeLine(wrong, 40)}\` is not as it must be.`,
    next: `It may be: ${may}`,
  })
}

type Bound = 'minLength' | 'maxLength' | 'minimum' | 'maximum' | 'maxItems'
type Rule = { type?: string; enum?: unknown[]; items?: Rule } & Partial<Record<Bound, number>>

/** As much of JSON Schema as our own shapes use. */
function fits(rule: Rule, value: unknown): boolean {
  const { minLength = 0, maxLength = 0, minimum = 0, maximum = 0, maxItems = 0, items = {} } = rule
  if (rule.enum) return rule.enum.includes(value)
  if (typeof value === 'string')
    return (
      rule.type === 'string' &&
      value.length >= minLength &&
      value.length <= maxLength &&
      safeLine(value) === value
    )
  if (typeof value === 'number')
    return (
      rule.type === 'integer' && Number.isInteger(value) && value >= minimum && value <= maximum
    )
  return (
    rule.type === 'array' &&
    Array.isArray(value) &&
    value.length <= maxItems &&
    value.every(each => fits(items, each))
  )
}

function refusal({ text }: Problem): Told {
  const { what, why, denial, next, exit } = text
  const isOpen = exit === exits.needsPerson || exit === exits.waiting || exit === exits.notSignedIn
  const tellUser = isOpen ? `${what} Please: ${next}` : undefined
  const lines = [what, ...(why ? [why] : []), ...(denial ? denialLines(denial) : [])]
  const told = { lines, next, status: isOpen ? 'action_required' : 'denied' } as const
  return tellUser === undefined ? told : { ...told, tellUser }
}

const never = 'Do not paste a password or key instead; it would be found and revoked.'

/** Short: some 400 tokens at most. The same for people's words and programs. */
function told(
  { out }: Cli,
  { lines, next, tellUser, status = 'ok' }: Told,
  isError: boolean,
): Result {
  const plain = [
    ...lines,
    `Next: ${next}`,
    ...(tellUser ? [`Tell the user: "${tellUser}"`] : []),
    ...(isError ? [never] : []),
  ].map(line => safeLine(out.name(shortIds(line)), 400))
  const tail = plain.slice(lines.length).join('\n')
  const head = plain.slice(0, lines.length).join('\n')
  const room = most.textChars - tail.length
  const text = `${head.length > room ? `${head.slice(0, room)}…` : head}\n${tail}`
  const structured = { status, human_required: status === 'action_required' }
  return { content: [{ type: 'text', text }], structuredContent: structured, isError }
}
