/**
 * `mcp`: an MCP server on stdio, as agents are configured to start one. It carries each message to the
 * gateway's own address of the resource and back, in either revision; with a command, that one runs here
 * instead, as under `run`. INVARIANT: stdout has messages of the protocol alone, one a line.
 */
import { addAbortSignal } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../answer.ts'
import type { Cli } from '../cli.ts'
import { showing } from '../dpop.ts'
import { linesOf } from '../make/agent/lines.ts'
import { Problem } from '../problem.ts'
import { segment } from './kit.ts'
import { runWith } from './run.ts'
import { during, openTask, type Task } from './task.ts'

type Params = { name?: string; uri?: string; _meta?: Record<string, string> }
type Message = { id?: string | number; method?: string; params?: Params }
type Told = Message & {
  jsonrpc?: string
  result?: { protocolVersion?: string }
  detail?: string
  next?: string
}
type Carry = (message: Message) => Promise<void>

/** What is under way when stdin ends is waited for so long. */
const lastMs = 1000
/** No message is longer, there or here. */
const mostChars = 32 * 1024 * 1024

export async function mcp(cli: Cli, resource: string, ...command: string[]): Promise<Answer> {
  if (command.length > 0) return runWith(cli, [resource], command)
  try {
    const task = await openTask(cli, [])
    await during(cli, task, () => answerEach(cli, carrier(cli, task, resource)))
    return { result: undefined }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const exit = cli.out.problem(error, false)
    // The agent reads stdout alone: it is told there too.
    await answerEach(cli, () => Promise.reject(error))
    return { result: undefined, exit }
  }
}

function carrier({ server, host }: Cli, task: Task, resource: string): Carry {
  const at = new URL(`/mcp/${segment(resource)}`, server.url)
  const known = new Headers({ accept: 'application/json, text/event-stream' })
  return async message => {
    const headers = new Headers([...known, ...headersOf(message)])
    const credential = (await task.token(false)) ?? ''
    for (const [name, value] of Object.entries(showing(credential, 'POST', at)))
      headers.set(name, value)
    const body = JSON.stringify(message)
    const response = await fetch(at, { method: 'POST', headers, body, redirect: 'error' })
    const session = response.headers.get('mcp-session-id')
    if (session !== null) known.set('mcp-session-id', session)
    let isOpen = message.id !== undefined && message.method !== undefined
    for await (const told of messagesOf(response)) {
      if (told.id === message.id && told.method === undefined) isOpen = false
      const version = told.result?.protocolVersion
      if (version !== undefined) known.set('mcp-protocol-version', version)
      host.stdout.write(`${JSON.stringify(told)}\n`)
    }
    if (isOpen) throw new Error(`It was not answered (status ${response.status}).`)
  }
}

/** What a message of 2026-07-28 says of itself, said again; in base64 what is no plain ASCII. */
function headersOf({ method = '', params = {} }: Message): [name: string, value: string][] {
  const version = params['_meta']?.['io.modelcontextprotocol/protocolVersion']
  const { uri = '', name = uri } = params
  const code = `=?base64?${Buffer.from(name).toString('base64')}?=`
  const about = /^[\x21-\x7e]*$/.test(name) ? name : code
  const all = { 'mcp-protocol-version': `${version}`, 'mcp-method': method, 'mcp-name': about }
  return Object.entries({ 'content-type': 'application/json', ...(version ? all : {}) })
}

/** What is answered, whole or as events. Throws what the gateway says where that is no message. */
async function* messagesOf({ headers, body }: Response): AsyncGenerator<Told> {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream') === true
  let data = ''
  for await (const line of linesOf(body ?? [], mostChars)) {
    // Of an event only its data: whatever else stands there is about the stream.
    data += isStream ? line.replace(/^data:|.*/, '') : line
    if (!isStream || line !== '') continue
    if (data.trim() !== '') yield JSON.parse(data) as Told
    data = ''
  }
  const told = JSON.parse(isStream || data === '' ? '{}' : data) as Told
  if (told.detail !== undefined) throw new Error(`${told.detail} Next: ${told.next}`)
  if (told.jsonrpc !== undefined) yield told
}

/** Requests beside each other; in turn what has no answer, and what others hang on. */
async function answerEach({ host, out }: Cli, carry: Carry): Promise<void> {
  let under: Promise<unknown> = Promise.resolve()
  for await (const line of linesOf(untilEnded(host), mostChars)) {
    // What is no message goes on as an empty one: the gateway says what is wrong with it.
    const message = (await new Response(line).json().catch(() => ({}))) as Message
    const { id, method } = message
    const done = carry(message).catch((error: Error) => {
      const next = error instanceof Problem ? ` Next: ${error.text.next}` : ''
      const said = { code: -32000, message: `Leasehold: ${out.name(error.message + next)}` }
      if (id === undefined || method === undefined) out.note(said.message)
      else host.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: said })}\n`)
    })
    under = Promise.all([under, done]).then(() => {})
    if (id === undefined || method === 'initialize') await done
  }
  await Promise.race([under, wait(lastMs)])
}

/** Who is asked to end by a signal is as one whose agent has closed stdin: what it holds is given back. */
async function* untilEnded({ stdin }: Cli['host']): AsyncGenerator<unknown> {
  const ending = new AbortController()
  for (const each of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.once(each, () => ending.abort())
  try {
    yield* addAbortSignal(ending.signal, stdin)
  } catch (error) {
    if (!ending.signal.aborted) throw error
  }
}
