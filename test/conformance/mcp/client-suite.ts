/**
 * The other way round: the conformance suite is the MCP server that asks for OAuth, and its
 * authorization server; our own code (client.ts) signs in there.
 *
 * Counted are the scenarios of authorization that a revision requires of a client, and two beyond:
 * those by which a target of ours is connected. The others are about a client's other parts, which
 * are the SDK's.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Revision, revisions } from './reference.ts'
import { judge, type Outcome, readChecks, readRequired } from './results.ts'
import { FOLDER, install, PACKAGE, run } from './suite.ts'

/** They run side by side, each with a process of ours. */
const SUITE_MS = 300_000
const SCENARIO_MS = 90_000
const ALSO = ['auth/client-credentials-basic', 'auth/client-credentials-jwt']

/** Throws where the suite could not be run to its end. */
export async function runClientSuite(revision: Revision): Promise<Outcome[]> {
  await install()
  const set = readFileSync(join(FOLDER, PACKAGE, 'requirements', `${revision}.yaml`), 'utf8')
  const required = readRequired(set, 'client').filter(name => name.startsWith('auth/'))
  const out = await mkdtemp(join(tmpdir(), 'mcp-client-suite-'))
  try {
    const command = `"${process.execPath}" "${join(import.meta.dirname, 'client.ts')}"`
    const words = ['client', '--command', command, '--requirements', revision, '-o', out]
    const script = join(FOLDER, PACKAGE, 'dist', 'index.js')
    const args = [script, ...words, '--timeout', `${SCENARIO_MS}`]
    const { code, said } = await run(process.execPath, args, SUITE_MS)
    const folder = join(out, 'auth')
    if (!existsSync(folder)) throw new Error(`the suite asked nothing (${code}): ${said}`)
    const found = [...readChecks(folder, '')].map(
      ([name, checks]) => [`auth/${name}`, checks] as const,
    )
    return judge([...required, ...ALSO], new Map(found))
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** Both revisions, told and counted. */
export async function countClientSuite(
  tally: { passed: number; failed: number },
  say: (text: string) => void,
): Promise<void> {
  for (const revision of revisions) {
    const outcomes = await runClientSuite(revision)
    const failed = outcomes.filter(({ passed }) => !passed)
    for (const { scenario, check, detail } of failed)
      say(`✕ ${revision} ${scenario} ${check} ${detail}`)
    say(`${revision}: ${outcomes.length} checks of our client, ${failed.length} fail`)
    tally.passed += outcomes.length - failed.length
    tally.failed += failed.length
  }
}

if (import.meta.main) {
  const tally = { passed: 0, failed: 0 }
  await countClientSuite(tally, text => console.error(text))
  const { passed, failed } = tally
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}
