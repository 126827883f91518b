/** Prompts of the reference server, under the names the suite looks for. */
import {
  acceptedContent,
  completable,
  type GetPromptResult,
  inputRequired,
  type McpServer,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { png } from './samples.ts'

type Content = GetPromptResult['messages'][number]['content']

export function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'Takes nothing' }, () =>
    fromUser({ type: 'text', text: 'Say something short.' }),
  )
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Repeats its two arguments',
      argsSchema: z.object({ arg1: completable(z.string(), suggest), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => fromUser({ type: 'text', text: `First ${arg1}, then ${arg2}.` }),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      description: 'Carries a resource',
      argsSchema: z.object({ resourceUri: z.string() }),
    },
    ({ resourceUri: uri }) =>
      fromUser(
        { type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'what it holds' } },
        { type: 'text', text: 'Read this.' },
      ),
  )
  server.registerPrompt('test_prompt_with_image', { description: 'Carries an image' }, () =>
    fromUser(
      { type: 'image', data: png, mimeType: 'image/png' },
      { type: 'text', text: 'Look at this.' },
    ),
  )
}

/** Of revision 2026-07-28: a prompt, too, may need something first. */
export function addInputRequiredPrompt(server: McpServer): void {
  const contextSchema = z.object({ context: z.string() })
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Asks for a context first' },
    ({ mcpReq: { inputResponses } }) => {
      const said = acceptedContent(inputResponses, 'user_context', contextSchema)
      if (said !== undefined) return fromUser({ type: 'text', text: `Think of ${said.context}.` })
      const message = 'In which context?'
      const ask = inputRequired.elicit({ message, requestedSchema: contextSchema })
      return inputRequired({ inputRequests: { user_context: ask } })
    },
  )
}

function fromUser(...contents: Content[]): GetPromptResult {
  return { messages: contents.map(content => ({ role: 'user', content })) }
}

function suggest(begun: string | undefined): string[] {
  return ['tea', 'test', 'text'].filter(word => word.startsWith(begun ?? ''))
}
