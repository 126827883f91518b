/**
 * Our authorization server, asked by the suite's `authorization` mode: it reads the metadata, prints the
 * address a person is to open, and waits on this machine for the answer. Here a person who is signed in
 * opens it, chooses an app and says yes. The client's document lies on loopback, as its id.
 */
import { createServer } from 'node:net'
import { startMcpClient } from '../../fakes/mcp-client.ts'
import { type Company, startCompany } from '../../journeys/company.ts'
import { agree, connectTracker, makeAgentApp, signedIn } from '../../support/mcp-sign-in.ts'
import type { Outcome } from './results.ts'
import { runAuthorizationSuite } from './suite.ts'

export async function askAuthorization(): Promise<Outcome[]> {
  const client = await startMcpClient()
  const company = await startCompany({ loopback: client.origin })
  const target = await connectTracker(company)
  try {
    await makeAgentApp(company, { slug: 'desk', by: 'sam' })
    return await asPerson(company, client.id)
  } finally {
    await company.stop()
    await target.close()
    await client.close()
  }
}

async function asPerson(company: Company, clientId: string): Promise<Outcome[]> {
  const { issuer } = company.running
  const browser = await signedIn(company, 'sam')
  return runAuthorizationSuite({
    url: issuer,
    clientId,
    resource: `${issuer}/mcp/tracker`,
    port: await freePort(),
    open: async address => void (await agree(browser, address)),
  })
}

/** Free a moment ago: the suite listens there itself, and takes no port of its own choice. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise(done => server.close(done))
  if (address === null || typeof address === 'string') throw new Error('a port was asked for')
  return address.port
}
