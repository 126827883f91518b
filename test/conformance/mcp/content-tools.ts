/**
 * Tools of the reference server that both revisions have: each kind of content, an error, progress,
 * and schemas that must arrive as they were written. Names are the suite's; it looks for them.
 *
 * Not here: tools that ask the person for something (asking-tools.ts, input-required-tools.ts).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type CallToolResult, fromJsonSchema, type McpServer } from '@modelcontextprotocol/server'
import { png, wav } from './samples.ts'

const STEP_MS = 20

export function addContentTools(server: McpServer): void {
  for (const [name, { description, content }] of Object.entries(answers)) {
    server.registerTool(name, { description }, () => ({ content }))
  }
  server.registerTool('test_error_handling', { description: 'Fails each time' }, () => {
    throw new Error('this tool fails, as it says')
  })
  addProgress(server)
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Takes what a schema of many keywords allows', inputSchema: contactSchema },
    input => text(`kept ${Object.keys(input).length} fields`),
  )
}

export function text(words: string): CallToolResult {
  return { content: [{ type: 'text', text: words }] }
}

type Answer = { description: string; content: CallToolResult['content'] }

const image = { type: 'image' as const, data: png, mimeType: 'image/png' }

// The first in the list is the one the suite calls to try headers: it needs no arguments.
const answers: Readonly<Record<string, Answer>> = {
  test_simple_text: {
    description: 'Answers with words',
    content: [{ type: 'text', text: 'words, and nothing else' }],
  },
  test_image_content: { description: 'Answers with an image', content: [image] },
  test_audio_content: {
    description: 'Answers with a sound',
    content: [{ type: 'audio', data: wav, mimeType: 'audio/wav' }],
  },
  test_embedded_resource: {
    description: 'Answers with a resource inside',
    content: [
      {
        type: 'resource',
        resource: { uri: 'test://inside', mimeType: 'text/plain', text: 'a resource in an answer' },
      },
    ],
  },
  test_multiple_content_types: {
    description: 'Answers with words, an image and a resource',
    content: [
      { type: 'text', text: 'three kinds' },
      image,
      {
        type: 'resource',
        resource: { uri: 'test://mixed', mimeType: 'application/json', text: '{"kinds":3}' },
      },
    ],
  },
}

/** Progress goes to the request that asked for it, and to no other. */
function addProgress(server: McpServer): void {
  const description = 'Says how far it is, where somebody gave it a token to say it with'
  server.registerTool('test_tool_with_progress', { description }, async ({ mcpReq }) => {
    const { _meta: meta } = mcpReq
    const progressToken = meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        const params = { progressToken, progress, total: 100 }
        await mcpReq.notify({ method: 'notifications/progress', params })
      }
      await wait(STEP_MS)
    }
    return text('went all the way')
  })
}

const contactSchema = fromJsonSchema<Record<string, unknown>>({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
})
