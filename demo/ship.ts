/**
 * An app that stays up beside no laptop: CI ships it with no stored key, a runner answers, a colleague is greeted by
 * name and does not notice the newer version. It ends, and nothing of it is left in the runner.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fill, readTemplate } from '../cli/src/make/template.ts'
import type {
  AppDetail,
  LogCheckView,
  OffboardingView,
  RequestView,
  TraceView,
} from '../src/doors/api/contract.ts'
import { openBrowser } from '../test/support/browser.ts'
import { Browser } from '../test/support/visiting.ts'
import type { Parts } from './parts.ts'
import { type Tell, writeCertificate } from './story.ts'

const app = 'deal-board'
const clone = resolve(import.meta.dirname, '..')
const askEveryMs = 40
const commits = ['a1'.repeat(20), 'b2'.repeat(20)] as const

export type DemoRunner = Awaited<ReturnType<typeof prepareRunner>>

/** Its key is there before the server is, which is told of it; it starts when the server has an address. */
export async function prepareRunner() {
  const home = await mkdtemp(join(tmpdir(), 'leasehold-demo-runner-'))
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  free.close()
  const env = { RUNNER_HOME: home, RUNNER_PORT: String(port) }
  const run = (words: string[], more = {}) =>
    spawn(process.execPath, ['--disable-sigusr1', join(clone, 'runner/main.ts'), ...words], {
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  const key = await textOf(run(['--key']))
  let child: ChildProcess | undefined
  return {
    home,
    setting: `http://127.0.0.1:${port} ${key.trim()}`,
    async start(server: string) {
      child = run([], { LEASEHOLD_SERVER: server })
      await once(child.stdout as NodeJS.ReadableStream, 'data')
    },
    async stop() {
      if (child?.kill('SIGTERM')) await once(child, 'exit')
      await rm(home, { recursive: true, force: true })
    },
  }
}

export async function playShipping(parts: Parts, runner: DemoRunner, tell: Tell) {
  const started = performance.now()
  await runner.start(parts.issuer)
  const folder = await makeApp(parts, tell)
  try {
    await ship(parts, folder, commits[0])
    tell(2, 'CI ships it: a token of its job, no stored key. It answers; no laptop does.')
    const tom = await browserOf(parts, 'tom')
    const page = await tom.open(addressOf(parts))
    const greeted = page.text.includes('Hello Tom Reyes')
    tell(3, `Tom opens ${addressOf(parts)}: ${greeted ? 'Hello Tom Reyes' : page.status}`)
    const people = startPeople(tom, addressOf(parts))
    await writeFile(
      join(folder, 'leasehold.yaml'),
      (await readFile(join(folder, 'leasehold.yaml'), 'utf8')).replace(
        /^says: .*/m,
        'says: "Deals that are stuck, newer"',
      ),
    )
    await ship(parts, folder, commits[1])
    await wait(500)
    const seen = await people.stop()
    tell(4, `CI ships a newer one while he asks: ${seen.requests} requests, ${seen.failed} failed`)
    const [pid] = await programs(runner)
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    const cameBack = await comes(async () => (await tom.send(addressOf(parts))).status === 200)
    tell(5, `Its process is killed, and ${cameBack ? 'answers again' : 'is gone'}.`)
    const trace = await traceOf(parts)
    tell(
      6,
      `${commits[0].slice(0, 7)} ${trace.visit ? 'is traced' : 'leads nowhere'}: commit, CI run, who opened it.`,
    )
    const end = await endApp(parts)
    await comes(async () => (await programs(runner)).length + (await filesOf(runner)) === 0)
    const left = { files: await filesOf(runner), processes: (await programs(runner)).length }
    const gone = await tom.open(addressOf(parts))
    const endedPage = gone.status === 410 && gone.text.includes('has ended')
    const path = `demo/${app}.end.json`
    await writeCertificate(parts, app, path)
    const log = await parts.sam.client.post<LogCheckView>('/v1/log/check')
    const isGone = end.state === 'verified-gone'
    tell(7, `It ends. Left in the runner: ${left.files} files, ${left.processes} processes`)
    tell(null, `${end.green} of ${end.of} verified gone`, isGone ? 'gone' : 'refused')
    const isLeft = left.files + left.processes > 0
    const holds = greeted && seen.failed === 0 && cameBack && endedPage && isGone && !isLeft
    return {
      app,
      requests: seen.requests,
      failedRequests: seen.failed,
      versions: seen.versions,
      greeted,
      cameBack,
      trace,
      endedPage,
      left,
      certificate: { state: end.state, path },
      ledger: { entries: log.entries, root: log.root, verified: log.verified },
      seconds: Number(((performance.now() - started) / 1000).toFixed(2)),
      holds,
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const addressOf = ({ issuer }: Parts) => `http://${app}.apps.${new URL(issuer).host}`

/** The folder of the template `web`, and who may publish it: a workflow, agreed to by Tom. */
async function makeApp({ maya, tom, github, issuer }: Parts, tell: Tell): Promise<string> {
  const purpose = 'board of deals stuck > 14 days'
  const body = { slug: app, purpose, backup: 'tom@acme.example', days: 5, roles: ['publish'] }
  await maya.client.post('/v1/apps', body)
  const yaml = `app: ${app}\npurposes:\n  board:\n    says: ${JSON.stringify(purpose)}\n`
  await maya.client.put(`/v1/apps/${app}/manifest`, { yaml })
  const trust = {
    role: 'publish',
    preset: 'github',
    issuer: github.issuer,
    claims,
    reason: 'our CI',
  }
  const asked = await maya.client.post<RequestView>(`/v1/apps/${app}/trust`, trust)
  const yes = { says: 'yes', bodyHash: asked.bodyHash }
  await tom.client.post(`/v1/requests/${asked.id}/answer`, yes)
  const folder = await mkdtemp(join(tmpdir(), 'leasehold-demo-app-'))
  const people = { owner: 'Maya Ortiz', backup: 'Tom Reyes', ends: 'in 5 days' }
  const data = { resource: 'crm.deals', ask: 'crm.deals:read', server: issuer }
  const words = { app, purpose, ...people, ...data, template: 'web' }
  const raw = { needs: '[]', columns: '["id","title","stage"]' }
  for (const file of readTemplate('web').files) {
    const { path, text } = fill(file, { words, raw })
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  tell(1, `Maya makes ${app} from the template web; Tom agrees that its workflow publishes it.`)
  return folder
}

/** What the workflow's step types, with what GitHub gives its job. */
async function ship({ issuer, github }: Parts, folder: string, sha: string): Promise<void> {
  const env = {
    PATH: process.env['PATH'],
    LEASEHOLD_SERVER: issuer,
    LEASEHOLD_ID_TOKEN: await github.issue({ ...claims, sha, run_id: String(Date.now()) }),
    XDG_CONFIG_HOME: join(folder, '.leasehold'),
  }
  const words = ['ship', '--deploy', '--as', app, '--purpose', 'board']
  const main = join(clone, 'cli/src/main.ts')
  const child = spawn(process.execPath, [main, ...words], { cwd: folder, env })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', part => (said += String(part)))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(said)
}

/** Signed in through the company's provider. */
async function browserOf({ issuer, running }: Parts, login: string): Promise<Browser> {
  const signing = openBrowser()
  await signing.get(`${issuer}/sign-in/company?login_hint=${login}`)
  const { host } = new URL(issuer)
  const browser = await Browser.of(running, null)
  browser.jar(host).set('lh_session', signing.cookie(host, 'lh_session') ?? '')
  return browser
}

/** Asks whether or not the one before was answered. */
function startPeople(browser: Browser, address: string) {
  const seen = { requests: 0, failed: 0 }
  const titles = new Set<string>()
  const open = new Set<Promise<void>>()
  const timer = setInterval(() => {
    seen.requests++
    const asked = browser
      .send(`${address}/`)
      .then(({ status, text }) => {
        if (status !== 200) seen.failed++
        else titles.add(/<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? '')
      })
      .catch(() => void seen.failed++)
      .finally(() => open.delete(asked))
    open.add(asked)
  }, askEveryMs)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(open)
      return { ...seen, versions: titles.size }
    },
  }
}

async function traceOf({ sam, running }: Parts) {
  await running.world.settle()
  const { hops } = await sam.client.get<TraceView>(`/v1/trace/${commits[0]}`)
  const has = (of: string, ...words: string[]) =>
    hops.some(
      ({ hop, name, what }) => hop === of && words.every(each => `${name} ${what}`.includes(each)),
    )
  const commit = has('commit', commits[0].slice(0, 7)) && has('use', 'shipped')
  return { commit, run: has('attestation', 'CI run'), visit: has('use', 'Tom Reyes', 'opened') }
}

async function endApp({ maya }: Parts): Promise<OffboardingView> {
  const path = `/v1/apps/${app}/end`
  const { planHash } = await maya.client.post<{ planHash: string }>(path, {})
  await maya.client.post(path, { planHash, reason: 'the quarter is over' })
  await comes(async () => (await maya.client.get<AppDetail>(`/v1/apps/${app}`)).state === 'ended')
  return maya.client.get<OffboardingView>(path)
}

const filesOf = async ({ home }: DemoRunner) =>
  (await readdir(join(home, 'apps'), { recursive: true })).length

/** Processes that may write below the runner's folder. */
async function programs({ home }: DemoRunner): Promise<number[]> {
  const pids = (await readdir('/proc')).filter(each => /^\d+$/.test(each))
  const lines = await Promise.all(
    pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')),
  )
  return pids.filter((_, i) => lines[i]?.includes(`--allow-fs-write=${home}`)).map(Number)
}

async function comes(look: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + 60_000; Date.now() < until; await wait(100))
    if (await look().catch(() => false)) return true
  return false
}

async function textOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout?.on('data', part => (text += String(part)))
  await once(child, 'close')
  return text
}

const claims = {
  repository_id: '1001',
  repository_owner_id: '4711',
  environment: 'crm',
  job_workflow_ref: 'acme/deal-desk/.github/workflows/refresh.yml@refs/heads/main',
}
