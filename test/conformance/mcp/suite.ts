/**
 * Runs the Model Context Protocol project's own conformance suite against a server at a URL, and
 * tells what each check found.
 *
 *   node test/conformance/mcp/suite.ts --revision 2026-07-28 [--url http://127.0.0.1:PORT/mcp]
 *
 * Without a URL it is the reference server that is asked: what fails there is the kit's fault, not
 * a gateway's. The suite lies in a package of its own (suite/), which a clone does without until the
 * first run installs it.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installIn } from '../install.ts'
import { startCarrier } from './carrier.ts'
import { isRevision, type Revision, revisions, startReference } from './reference.ts'
import { judge, type Outcome, readChecks, readRequired } from './results.ts'

/** The suite asks one scenario after the other; directly each set takes some seconds. */
const SUITE_MS = 240_000
const SCENARIO_MS = 20_000
const MAX_SAID = 4000
export const FOLDER = join(import.meta.dirname, 'suite')
export const PACKAGE = join('node_modules', '@modelcontextprotocol', 'conformance')

/**
 * The outcome of each check of the scenarios a revision requires, and of those named in `also` that
 * it does not (`http-header-validation`). `headers` go with each request: the suite knows none of
 * its own, a token say. Throws where the suite could not be run to its end.
 */
export async function runServerSuite(asked: {
  url: string
  revision: Revision
  also?: readonly string[]
  headers?: Readonly<Record<string, string>>
}): Promise<Outcome[]> {
  const { url, revision, also = [], headers } = asked
  await install()
  if (headers === undefined) return ask(url, revision, also)
  const carrier = await startCarrier(url, headers)
  try {
    return await ask(carrier.url, revision, also)
  } finally {
    await carrier.close()
  }
}

/** What an authorization server is asked; `authorization` has no sets of requirements. */
const authorization = ['authorization-server-metadata-endpoint', 'authorization-code-grant']

/** The outcome of each check of an authorization server. `open` does with an address what a person does. */
export async function runAuthorizationSuite(asked: {
  url: string
  clientId: string
  resource: string
  port: number
  open: (address: string) => Promise<void>
}): Promise<Outcome[]> {
  const { url, clientId, resource, port, open } = asked
  await install()
  const out = await mkdtemp(join(tmpdir(), 'mcp-suite-'))
  try {
    const script = join(FOLDER, PACKAGE, 'dist', 'index.js')
    const words = ['authorization', '--url', url, '--client-id', clientId, '--resource', resource]
    const args = [script, ...words, '-p', `${port}`, '-o', out]
    let opened: Promise<void> | undefined
    const onLine = (line: string) => {
      if (line.startsWith(`${url}/`) && opened === undefined) {
        opened = open(line)
        opened.catch(() => {})
      }
    }
    await run(process.execPath, args, SUITE_MS, onLine)
    await opened
    return judge(authorization, readChecks(out, 'authorization-server-'))
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

async function ask(url: string, revision: Revision, also: readonly string[]): Promise<Outcome[]> {
  const set = join(FOLDER, PACKAGE, 'requirements', `${revision}.yaml`)
  const wanted = [...readRequired(readFileSync(set, 'utf8')), ...also]
  const out = await mkdtemp(join(tmpdir(), 'mcp-suite-'))
  try {
    const script = join(FOLDER, PACKAGE, 'dist', 'index.js')
    const words = ['server', '--url', url, '--requirements', revision, '-o', out]
    const args = [script, ...words, '--timeout', `${SCENARIO_MS}`]
    const { code, said } = await run(process.execPath, args, SUITE_MS)
    const found = readChecks(out)
    if (found.size === 0) throw new Error(`the suite asked nothing (${code}): ${said}`)
    const outcomes = judge(wanted, found)
    if (code !== 0 && outcomes.every(({ passed }) => passed))
      throw new Error(`the suite failed (${code}), but none of its checks did: ${said}`)
    return outcomes
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** The suite's own package. */
export function install(): Promise<void> {
  return installIn(FOLDER, PACKAGE)
}

/**
 * `said`: the end of what it printed; `onLine` is told each whole line at once. One that does not end in
 * time is ended, and rejects.
 */
export async function run(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  onLine: (line: string) => void = () => {},
): Promise<{ code: number | null; said: string }> {
  const child = spawn(command, args, {
    cwd: FOLDER,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    shell: command === 'npm' && process.platform === 'win32',
  })
  let said = ''
  let line = ''
  child.stdout.on('data', (text: string) => {
    const lines = `${line}${text}`.split('\n')
    line = lines.pop() ?? ''
    for (const whole of lines) onLine(whole.trim())
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MAX_SAID)
    })
  }
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  const code = await promise
  if (code === null) throw new Error(`${command} did not end in ${timeoutMs} ms: ${said}`)
  return { code, said }
}

if (import.meta.main) {
  const options = { revision: { type: 'string' }, url: { type: 'string' } } as const
  const { revision, url } = parseArgs({ options }).values
  if (!isRevision(revision)) throw new Error(`say --revision with one of: ${revisions.join(', ')}`)
  const reference = url === undefined ? await startReference(revision) : undefined
  const outcomes = await runServerSuite({ url: url ?? reference?.url ?? '', revision })
  await reference?.close()
  const failed = outcomes.filter(({ passed }) => !passed)
  for (const { scenario, check, detail } of failed)
    console.error(`✕ ${scenario} ${check} ${detail}`)
  console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
  process.exitCode = failed.length > 0 ? 1 : 0
}
