/**
 * The two sides of the bench `decision-api`, each a server in a process of its own.
 *
 *   ours   the server as `serve` starts it, on PostgreSQL: token known, rules of an app asked, the record
 *          in the spool before the answer, batches sealed meanwhile
 *   echo   node:http alone: reads the body, parses it, answers a decision of the same length
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256Hex } from '../src/core/base/hash.ts'
import { newId, systemId } from '../src/core/base/ids.ts'
import { addSeconds } from '../src/core/base/time.ts'
import { entryKind } from '../src/core/ledger/kind.ts'
import { recorded } from '../src/core/ledger/record.ts'
import { writeClaims } from '../src/core/token/claims.ts'
import { tokenTable } from '../src/core/token/rows.ts'
import { signToken } from '../src/core/token/signature.ts'
import { appRulesTable } from '../src/life/app-rules/rows.ts'
import { hashOf } from '../src/life/app-rules/text.ts'
import { recordingTarget } from '../test/fakes/recording-target.ts'
import { todoRules } from '../test/support/todo-rules.ts'
import { placeOf } from './due-leases.ts'
import { type AtWork, startAtWork } from './furnish.ts'

export interface SideSays {
  readonly address: string
  readonly token: string
}

export const path = '/apps/bench-desk/access/v1/evaluation'
const furnished = entryKind('bench.rules', 'gave an app rules and a token for a bench')

async function ours(databaseUrl: string): Promise<SideSays> {
  const work = await startAtWork(placeOf(recordingTarget().connector), databaseUrl)
  return { address: work.running.address, token: await furnishRules(work) }
}

async function furnishRules({ running: { world }, app, identity, task }: AtWork): Promise<string> {
  const now = world.clock.now()
  const tokenId = newId('token')
  const [issuedAt, expiresAt] = [now, addSeconds(now, 3600)]
  const whose = { identityId: identity.id, appId: app.id, taskId: task.id, issuedAt, expiresAt }
  const token = signToken(
    world.signer(),
    writeClaims({
      ...whose,
      tokenId,
      issuer: world.issuer,
      audience: world.issuer,
      spiffeId: identity.spiffeId,
      purpose: 'board',
      autonomy: 'unattended',
      actors: [],
      boundTo: null,
    }),
  )
  await recorded(world, async scope => {
    await scope.insert(appRulesTable, {
      id: newId('manifest'),
      version: 1,
      appId: app.id,
      hash: hashOf(todoRules),
      text: todoRules,
      state: 'current',
      madeAt: now,
    })
    await scope.insert(tokenTable, {
      ...whose,
      id: tokenId,
      version: 1,
      hash: sha256Hex(token),
      audience: world.issuer,
      state: 'live',
      revokedAt: null,
    })
    scope.entry({ kind: furnished, by: systemId('genesis') })
  })
  await world.settle()
  return token
}

async function echo(): Promise<SideSays> {
  const answer = {
    decision: true,
    context: { id: 'D-AAAAA', reason_admin: { rules: ['r'], errors: [] } },
  }
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString()) as { subject: unknown }
      const text = JSON.stringify({ ...answer, decision: asked.subject !== undefined })
      const length = Buffer.byteLength(text)
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': length })
      res.end(text)
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${port}`, token: 'none' }
}

const [, , side, databaseUrl = ''] = process.argv
if (import.meta.main) {
  process.send?.(side === 'ours' ? await ours(databaseUrl) : await echo())
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuUs: user + system })
  })
  process.once('disconnect', () => process.exit(0))
}
