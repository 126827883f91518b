/** Resources and prompts of the reference server, under the names the suite looks for. */
import { type McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import { png } from './samples.ts'

export const WATCHED = 'test://watched-resource'

export function addResources(server: McpServer): void {
  server.registerResource(
    'static-text',
    'test://static-text',
    { description: 'Words that stay', mimeType: 'text/plain' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'text/plain', text: 'words that stay' }] }),
  )
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'A pixel', mimeType: 'image/png' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'image/png', blob: png }] }),
  )
  server.registerResource(
    'watched',
    WATCHED,
    { description: 'One to subscribe to', mimeType: 'text/plain' },
    ({ href }) => ({ contents: [{ uri: href, mimeType: 'text/plain', text: 'as ever' }] }),
  )
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'What belongs to an id', mimeType: 'application/json' },
    ({ href }, { id }) => ({
      contents: [{ uri: href, mimeType: 'application/json', text: JSON.stringify({ id }) }],
    }),
  )
}
