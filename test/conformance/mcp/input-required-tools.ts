/**
 * Tools of revision 2026-07-28 only. Nothing is asked over a stream: a call that lacks something
 * ends with what it needs, and the client calls again with it. What the server must remember in
 * between travels with the client, signed.
 */
import { randomBytes } from 'node:crypto'
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  fromJsonSchema,
  type InputRequests,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { text } from './content-tools.ts'

type State = { step: number; name?: string }

/** One key for the process: each request is served by a server of its own. */
export const states = createRequestStateCodec<State>({ key: randomBytes(32) })

/** What a change is told with; the tools of `addChangeTools` pull it. */
export type Notify = { toolsChanged: () => void; promptsChanged: () => void }

const nameSchema = z.object({ name: z.string() })
const colorSchema = z.object({ color: z.string() })
const okSchema = z.object({ ok: z.boolean() })

const askName = (message: string) => inputRequired.elicit({ message, requestedSchema: nameSchema })
const askOk = () => inputRequired.elicit({ message: 'Shall it go on?', requestedSchema: okSchema })
const askModel = (words: string) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: words } }],
    maxTokens: 100,
  })

export function addInputRequiredTools(server: McpServer): void {
  addSingle(server)
  addWithState(server)
  addMultiRound(server)
  addCapabilities(server)
  server.registerTool(
    'test_custom_header',
    { description: 'Takes an argument that a header repeats', inputSchema: regionSchema },
    ({ region }) => text(`in ${region ?? 'no region'}`),
  )
  server.registerTool(
    'test_logging_tool',
    { description: 'Logs a line, which only reaches who asked for lines' },
    async ({ mcpReq }) => {
      await mcpReq.log('info', 'a line')
      return text('logged')
    },
  )
}

export function addChangeTools(server: McpServer, notify: Notify): void {
  const description = 'Tells who listens that a list has changed'
  server.registerTool('test_trigger_tool_change', { description }, () => {
    notify.toolsChanged()
    return text('told')
  })
  server.registerTool('test_trigger_prompt_change', { description }, () => {
    notify.promptsChanged()
    return text('told')
  })
}

function addSingle(server: McpServer): void {
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'Greets, once it knows whom' },
    ({ mcpReq: { inputResponses } }) => {
      const said = acceptedContent(inputResponses, 'user_name', nameSchema)
      return said === undefined
        ? inputRequired({ inputRequests: { user_name: askName('Who are you?') } })
        : text(`Good day, ${said.name}`)
    },
  )
  server.registerTool(
    'test_input_required_result_sampling',
    { description: "Repeats what the client's model says" },
    ({ mcpReq: { inputResponses } }) => {
      const said = inputResponse(inputResponses, 'capital_question')
      return said.kind === 'sampling'
        ? text(JSON.stringify(said.result.content))
        : inputRequired({
            inputRequests: { capital_question: askModel('Which city is the capital of France?') },
          })
    },
  )
  server.registerTool(
    'test_input_required_result_list_roots',
    { description: "Lists the client's roots" },
    ({ mcpReq: { inputResponses } }) => {
      const said = inputResponse(inputResponses, 'client_roots')
      return said.kind === 'roots'
        ? text(said.roots.map(({ uri }) => uri).join('\n'))
        : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    },
  )
  server.registerTool(
    'test_streaming_elicitation',
    { description: 'Asks, and must not do so with a request on its stream' },
    ({ mcpReq: { inputResponses } }) =>
      acceptedContent(inputResponses, 'confirm', okSchema) === undefined
        ? inputRequired({ inputRequests: { confirm: askOk() } })
        : text('gone on'),
  )
}

/** The state is verified before the tool runs: one that was changed never comes this far. */
function addWithState(server: McpServer): void {
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ]) {
    const description = 'Goes on only with the state it gave'
    server.registerTool(name, { description }, async ({ mcpReq }) => {
      const state = mcpReq.requestState<State>()
      const said = acceptedContent(mcpReq.inputResponses, 'confirm', okSchema)
      if (state !== undefined && said !== undefined) return text('state-ok')
      const requestState = await states.mint({ step: 1 })
      return inputRequired({ inputRequests: { confirm: askOk() }, requestState })
    })
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'Asks person, model and client at once' },
    async ({ mcpReq }) => {
      const said = mcpReq.inputResponses
      const isComplete =
        mcpReq.requestState<State>() !== undefined &&
        acceptedContent(said, 'user_name', nameSchema) !== undefined &&
        inputResponse(said, 'greeting').kind === 'sampling' &&
        inputResponse(said, 'client_roots').kind === 'roots'
      if (isComplete) return text('all three answered')
      const inputRequests: InputRequests = {
        user_name: askName('Who are you?'),
        greeting: askModel('How does one greet here?'),
        client_roots: inputRequired.listRoots(),
      }
      return inputRequired({ inputRequests, requestState: await states.mint({ step: 1 }) })
    },
  )
}

function addMultiRound(server: McpServer): void {
  const description = 'Asks twice, one question after the other'
  server.registerTool('test_input_required_result_multi_round', { description }, async ctx => {
    const state = ctx.mcpReq.requestState<State>()
    const named = acceptedContent(ctx.mcpReq.inputResponses, 'step1', nameSchema)
    const colored = acceptedContent(ctx.mcpReq.inputResponses, 'step2', colorSchema)
    if (state?.step === 2 && colored !== undefined) {
      return text(`${state.name ?? 'somebody'} likes ${colored.color}`)
    }
    if (state?.step === 1 && named !== undefined) {
      const step2 = inputRequired.elicit({
        message: 'And which color?',
        requestedSchema: colorSchema,
      })
      const requestState = await states.mint({ step: 2, name: named.name })
      return inputRequired({ inputRequests: { step2 }, requestState })
    }
    const requestState = await states.mint({ step: 1 })
    return inputRequired({ inputRequests: { step1: askName('First: who are you?') }, requestState })
  })
}

function addCapabilities(server: McpServer): void {
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'Asks only what the client says it can answer' },
    ctx => {
      const can = capabilitiesOf(ctx)
      const inputRequests: InputRequests = {
        ...(can.elicitation === undefined ? {} : { user_name: askName('Who are you?') }),
        ...(can.sampling === undefined ? {} : { greeting: askModel('How does one greet here?') }),
        ...(can.roots === undefined ? {} : { client_roots: inputRequired.listRoots() }),
      }
      const isUnanswered = Object.keys(inputRequests).some(
        key => inputResponse(ctx.mcpReq.inputResponses, key).kind === 'missing',
      )
      return isUnanswered ? inputRequired({ inputRequests }) : text('nothing left to ask')
    },
  )
  server.registerTool(
    'test_missing_capability',
    { description: "Needs the client's model; a client without one is refused" },
    ({ mcpReq: { inputResponses } }) =>
      inputResponse(inputResponses, 'answer').kind === 'sampling'
        ? text('answered')
        : inputRequired({ inputRequests: { answer: askModel('Are you there?') } }),
  )
}

function capabilitiesOf({ mcpReq }: ServerContext) {
  const envelope: Readonly<Record<string, unknown>> = mcpReq.envelope ?? {}
  return (envelope[CLIENT_CAPABILITIES_META_KEY] ?? {}) as {
    readonly elicitation?: unknown
    readonly sampling?: unknown
    readonly roots?: unknown
  }
}

// A word of MCP, not of JSON Schema: `Mcp-Param-Region` repeats the argument.
const region = { type: 'string' as const, 'x-mcp-header': 'Region' }
const regionSchema = fromJsonSchema<{ region?: string }>({ type: 'object', properties: { region } })
