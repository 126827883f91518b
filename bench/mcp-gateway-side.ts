/**
 * The two processes of the bench `mcp-gateway`: an MCP server of the SDK (2026-07-28, one tool that
 * answers a text), and ours in front of it, with a lease that is live.
 */
import { signInLink } from '../demo/people.ts'
import { startReference } from '../test/conformance/mcp/reference.ts'
import { furnish } from '../test/conformance/mcp.ts'
import { startCompany } from '../test/journeys/company.ts'

export interface DoorSays {
  readonly address: string
  /** Of the tunnel, and what both ends of it want to be shown. */
  readonly path: string
  readonly token: string
  readonly word: string
}

const slug = 'mcp-bench'

async function ours(upstream: string): Promise<DoorSays> {
  const company = await startCompany()
  await furnish(company, slug, upstream)
  const { running } = company
  const { token: subject_token } = await signInLink(
    running.issuer,
    running.address,
    await running.signInLink(),
  )
  const subject_token_type = 'urn:ietf:params:oauth:token-type:access_token'
  const person = { subject_token, subject_token_type, identity: `${slug}/run` }
  const { body } = await company.exchange({ ...person, scope: 'ask', run: crypto.randomUUID() })
  const task = company.as({ task: body.access_token })
  const { body: issued, text } = await task('POST', '/v1/leases', {
    resource: slug,
    actions: ['read'],
  })
  if (issued?.lease === undefined) throw new Error(text)
  const path = `/v1/leases/${issued.lease.id}/tunnel`
  return {
    address: running.address,
    path,
    token: body.access_token,
    word: issued.handle.word,
  }
}

const [, , side, url = ''] = process.argv
if (import.meta.main) {
  process.send?.(side === 'ours' ? await ours(url) : await startReference('2026-07-28'))
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuUs: user + system })
  })
  process.once('disconnect', () => process.exit(0))
}
