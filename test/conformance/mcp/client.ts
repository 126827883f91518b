/**
 * The client that the conformance suite starts: our own code at an MCP server that asks for OAuth. It
 * connects, lists the tools, calls the first, and leaves.
 *
 *   MCP_CONFORMANCE_SCENARIO=auth/… node test/conformance/mcp/client.ts http://localhost:PORT/mcp
 *
 * The suite's authorization server approves at once, so the person is a request whose answer is read
 * from where it points.
 */
import {
  Client,
  discoverOAuthServerInfo,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { z } from 'zod'
import { signInAt } from '../../../connectors/web/oauth.ts'
import { mcpConnector } from '../../../connectors/web/web.ts'
import type { Json } from '../../../src/core/base/json.ts'
import { systemClock } from '../../../src/core/base/time.ts'

const contextShape = z.looseObject({
  client_id: z.string(),
  client_secret: z.string().optional(),
  issuer: z.string().optional(),
  private_key_pem: z.string().optional(),
  signing_algorithm: z.string().optional(),
})
type Context = z.infer<typeof contextShape>

/** What the suite's metadata check expects of every client of this kind. */
const CLIENT_METADATA = 'https://conformance-test.local/client-metadata.json'

type Way = {
  transport: () => StreamableHTTPClientTransport
  through: <T>(what: () => Promise<T>) => Promise<T>
}

/** As the product signs in: a client of the issuer, by a secret or a key. */
async function asMachine(url: URL, context: Context): Promise<Way> {
  const { authorizationServerMetadata } = await discoverOAuthServerInfo(url)
  const { client_id: clientId, client_secret: clientSecret } = context
  const { private_key_pem: privateKeyPem, signing_algorithm: algorithm } = context
  const proof = clientSecret === undefined ? { privateKeyPem, algorithm } : { clientSecret }
  const oauth = { issuer: authorizationServerMetadata?.issuer, clientId, ...proof }
  const config = mcpConnector.parseConfig({ url: url.href, oauth } as Json)
  const { upstream } = mcpConnector.open(config, systemClock)
  if (upstream === undefined) throw new Error('an MCP server is an upstream')
  const transport = () => new StreamableHTTPClientTransport(url, { fetch: upstream.fetch })
  return { transport, through: what => what() }
}

function asPerson(url: URL, context: Context | undefined): Way {
  const { client_id, client_secret, issuer } = context ?? {}
  const isKnown = client_id !== undefined && issuer !== undefined
  const client = isKnown && { client_id, issuer, ...(client_secret && { client_secret }) }
  return signInAt({
    url,
    redirectUrl: 'http://localhost:3999/callback',
    clientMetadataUrl: CLIENT_METADATA,
    authorize: async asked => {
      const answer = await fetch(asked, { redirect: 'manual' })
      return new URL(answer.headers.get('location') ?? '').searchParams
    },
    ...(client && { client }),
  })
}

async function visit({ transport, through }: Way, revision: string | undefined): Promise<void> {
  const isModern = revision === '2026-07-28'
  const versionNegotiation = { mode: isModern ? { pin: revision } : ('legacy' as const) }
  const client = await through(async () => {
    const begun = new Client({ name: 'leasehold', version: '1' }, { versionNegotiation })
    await begun.connect(transport())
    return begun
  })
  const [tool] = (await through(() => client.listTools())).tools
  if (tool !== undefined) await through(() => client.callTool({ name: tool.name, arguments: {} }))
  await client.close()
}

const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT: said } = process.env
const url = new URL(process.argv.at(-1) ?? '')
const context = said === undefined ? undefined : contextShape.parse(JSON.parse(said))
const isMachine = scenario?.startsWith('auth/client-credentials') === true && context !== undefined
const way = isMachine ? await asMachine(url, context) : asPerson(url, context)
await visit(way, process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'])
