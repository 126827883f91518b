/**
 * Tools of revision 2025-11-25 only: while one runs, the server sends requests of its own to the
 * client (sampling, elicitation), log lines, and closes its stream before it has answered.
 * All of it needs a session; 2026-07-28 has none (input-required-tools.ts).
 */
import { setTimeout as wait } from 'node:timers/promises'
import type {
  ElicitRequestFormParams,
  McpServer,
  ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { text } from './content-tools.ts'

const STEP_MS = 20
/** Long enough that the client has come back, or not, when the answer is there. */
const AWAY_MS = 100

export function addAskingTools(server: McpServer): void {
  addSampling(server)
  addElicitation(server)
  server.registerTool(
    'test_tool_with_logging',
    { description: 'Logs three lines while it works' },
    async ({ mcpReq }) => {
      for (const line of ['begun', 'half way', 'done']) {
        await mcpReq.log('info', line)
        await wait(STEP_MS)
      }
      return text('logged')
    },
  )
  server.registerTool(
    'test_reconnection',
    { description: 'Lets go of its stream before it answers' },
    async ({ http }) => {
      http?.closeSSE?.()
      await wait(AWAY_MS)
      return text('said to whoever came back')
    },
  )
}

function addSampling(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    {
      description: "Asks the client's model",
      inputSchema: z.object({ prompt: z.string() }),
    },
    async ({ prompt }, { mcpReq }) => {
      const messages = [{ role: 'user', content: { type: 'text', text: prompt } }]
      const params = { messages, maxTokens: 100 }
      const { content } = await mcpReq.send({ method: 'sampling/createMessage', params })
      return text(`the model said: ${JSON.stringify(content)}`)
    },
  )
}

function addElicitation(server: McpServer): void {
  server.registerTool(
    'test_elicitation',
    {
      description: 'Asks the person who they are',
      inputSchema: z.object({ message: z.string() }),
    },
    ({ message }, ctx) => ask(ctx, message, personSchema),
  )
  const forms: [string, string, Schema][] = [
    ['test_elicitation_sep1034_defaults', 'Asks with a default for each field', defaultsSchema],
    ['test_elicitation_sep1330_enums', 'Asks with each form of choice', choicesSchema],
  ]
  for (const [name, description, requestedSchema] of forms) {
    server.registerTool(name, { description }, ctx =>
      ask(ctx, 'Please look through these', requestedSchema),
    )
  }
}

/** On the stream of the call it belongs to: the server's own stream may not be open. */
async function ask({ mcpReq }: ServerContext, message: string, requestedSchema: Schema) {
  const params = { message, requestedSchema }
  return text(JSON.stringify(await mcpReq.send({ method: 'elicitation/create', params })))
}

type Schema = ElicitRequestFormParams['requestedSchema']

const personSchema: Schema = {
  type: 'object',
  properties: {
    username: { type: 'string', description: 'What you are called here' },
    email: { type: 'string', description: 'Where mail reaches you' },
  },
  required: ['username', 'email'],
}

const defaultsSchema: Schema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
}

const titled = (values: readonly string[]) =>
  values.map((value, nth) => ({ const: value, title: `Choice ${nth + 1}` }))

const choicesSchema: Schema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled(['value1', 'value2', 'value3']) },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Choice 1', 'Choice 2', 'Choice 3'],
    },
    untitledMulti: {
      type: 'array',
      items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    },
    titledMulti: { type: 'array', items: { anyOf: titled(['value1', 'value2', 'value3']) } },
  },
}
