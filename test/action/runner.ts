/**
 * A runner of GitHub Actions as a step sees one: its variables, its files, and its service for tokens. What a
 * step wrote is read as the runner reads it, so a value that breaks out of its place shows.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { GithubIssuer } from '../fakes/github-issuer.ts'

const folder = resolve(import.meta.dirname, '../../action/src')
/** What the runner carries, where that is to be tried; else what everything here runs on. */
const node = process.env['LEASEHOLD_RUNNER_NODE'] ?? process.execPath

/** Its `permissions` stand in line 4, and our step in line 9. */
export const workflow = `name: refresh
on: { push: { branches: [main] } }

permissions: { contents: read }
jobs:
  refresh:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/leasehold/action@v0
`
export const workflowPath = '.github/workflows/refresh.yml'

export interface Stepped {
  readonly code: number | null
  readonly out: string
  readonly summary: string
  /** What it set for later steps, for its outputs, and for its own last step. */
  readonly env: Readonly<Record<string, string>>
  readonly outputs: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, string>>
}

export interface Runner {
  /** One step of a job that begins with `inputs`; `more` are variables of the job. */
  step(
    entry: 'main' | 'post',
    inputs: Readonly<Record<string, string>>,
    more?: Readonly<Record<string, string | undefined>>,
    /** Told what it has written so far. */
    seen?: (out: string, child: ChildProcess) => void,
  ): Promise<Stepped>
  /** What it was asked for. */
  readonly asked: readonly string[]
  readonly temp: string
  stop(): Promise<void>
}

/** `claims` of each token, over what makes it a token of now. */
export async function startRunner(
  github: GithubIssuer,
  claims: () => Record<string, unknown>,
): Promise<Runner> {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-runner-'))
  const [temp, workspace] = [join(home, 'temp'), join(home, 'workspace')]
  await mkdir(temp)
  await mkdir(dirname(join(workspace, workflowPath)), { recursive: true })
  await writeFile(join(workspace, workflowPath), workflow)
  const [asked, word]: [string[], string] = [[], randomUUID()]
  const service = createServer((req, res) => {
    const aud = new URL(req.url ?? '', 'http://runner').searchParams.get('audience')
    asked.push(String(aud))
    if (req.headers.authorization !== `Bearer ${word}`) return res.writeHead(401).end('{}')
    const iat = Math.floor(Date.now() / 1000)
    const times = { iat, exp: iat + 300, jti: randomUUID() }
    const token = github.issue({ iss: github.issuer, aud, sub: 'x', ...times, ...claims() })
    return void token.then(value => res.end(JSON.stringify({ value })))
  })
  await once(service.listen(0, '127.0.0.1'), 'listening')
  const { port } = service.address() as AddressInfo
  const job = {
    PATH: process.env['PATH'],
    HOME: home,
    RUNNER_TEMP: temp,
    GITHUB_WORKSPACE: workspace,
    GITHUB_WORKFLOW_REF: `acme/desk/${workflowPath}@refs/heads/main`,
    GITHUB_REPOSITORY_ID: '1001',
    GITHUB_REPOSITORY_OWNER_ID: '4711',
    GITHUB_REF: 'refs/heads/main',
    ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: word,
  }
  return {
    asked,
    temp,
    async step(entry, inputs, more = {}, seen = () => {}) {
      const place = await mkdtemp(join(home, 'step-'))
      const files = ['ENV', 'OUTPUT', 'STATE', 'STEP_SUMMARY'].map(
        name => [`GITHUB_${name}`, join(place, name)] as const,
      )
      for (const [, file] of files) await writeFile(file, '')
      const given = Object.entries(inputs).map(([name, value]) => [
        `INPUT_${name.toUpperCase()}`,
        value,
      ])
      const env = { ...job, ...Object.fromEntries([...given, ...files]), ...more }
      const child = spawn(node, [join(folder, `${entry}.ts`)], { env, cwd: workspace })
      let out = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', chunk => {
          out += String(chunk)
          seen(out, child)
        })
      const [code] = (await once(child, 'close')) as [number | null]
      const [set = '', outputs = '', state = '', summary = ''] = await Promise.all(
        files.map(([, file]) => readFile(file, 'utf8')),
      )
      return {
        code,
        out,
        summary,
        env: readFileCommands(set),
        outputs: readFileCommands(outputs),
        state: readFileCommands(state),
      }
    },
    async stop() {
      service.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** As `FileCommandManager` of actions/runner does: `NAME=VALUE`, or a value that ends by its delimiter. */
function readFileCommands(text: string): Record<string, string> {
  const found: Record<string, string> = {}
  const lines = text.split('\n')
  while (lines.length > 0) {
    const line = lines.shift() ?? ''
    if (line === '') continue
    const [, name = '', delimiter] = /^([^=<]+)<<(.+)$/.exec(line) ?? []
    if (delimiter === undefined) {
      const [key = '', ...rest] = line.split('=')
      found[key] = rest.join('=')
      continue
    }
    const end = lines.indexOf(delimiter)
    if (end < 0) throw new Error('a value without its end')
    found[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join('\n')
  }
  return found
}
