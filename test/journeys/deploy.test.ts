/**
 * An app that CI ships stays up without a laptop: the real server, runner and command line, a pretend GitHub that
 * signs. What answers is traced to its commit; nothing of it is left once the app has ended.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { link, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newKey, proofOf } from '../../cli/src/dpop.ts'
import { signInLink } from '../../demo/people.ts'
import { toMs } from '../../src/core/base/time.ts'
import { githubClaims } from '../fakes/github-issuer.ts'
import { Browser } from '../support/visiting.ts'
import { ended, homeOfSam, start } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

const runnerMain = resolve(import.meta.dirname, '../../runner/main.ts')
const slug = 'desk'
let company: Company
let home: string
let runnerHome: string
let port: number
let runner: ChildProcess
let seen = ''
const at = () => `http://${slug}.apps.${new URL(company.running.issuer).host}`
const folderOf = (app: string) => join(runnerHome, 'apps', app)

/** Says its version, what it may do where it runs, and dies when it is told to. */
const program = (version: string) => `
import { createServer } from 'node:http'
import { readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
const tried = act => { try { act(); return 'done' } catch (error) { return error.code } }
const server = createServer((req, res) => {
  if (req.url === '/die') process.exit(3)
  if (req.url === '/slow') return void setTimeout(() => res.end('${version}'), 1500)
  if (req.url === '/tries') return void res.end(JSON.stringify({
    key: tried(() => readFileSync('KEY_FILE')),
    environment: tried(() => readFileSync('/proc/' + process.ppid + '/environ')),
    process: tried(() => spawnSync('true')),
    ownFolder: tried(() => writeFileSync(new URL('./mine', import.meta.url), 'x')),
    ownData: tried(() => writeFileSync(process.env.HOME + '/mine', 'x')),
    names: Object.keys(process.env).sort(),
  }))
  res.setHeader('content-type', 'text/plain')
  res.end('${version}')
})
server.listen(Number(process.env.PORT), '127.0.0.1')
process.once('SIGTERM', () => server.close())
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: free } = server.address() as { port: number }
  server.close()
  return free
}

function startRunner(): ChildProcess {
  const env = {
    PATH: process.env['PATH'],
    LEASEHOLD_SERVER: company.running.issuer,
    RUNNER_HOME: runnerHome,
    RUNNER_PORT: String(port),
    SECRET_OF_THE_OPERATOR: 'seen',
  }
  const child = spawn(process.execPath, ['--disable-sigusr1', runnerMain], { env })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', part => (seen += String(part)))
  return child
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'leasehold-deploy-'))
  runnerHome = join(home, 'runner')
  port = await freePort()
  const asked = spawn(process.execPath, [runnerMain, '--key'], { env: { RUNNER_HOME: runnerHome } })
  const key = (await ended(asked)).out.trim()
  company = await startCompany({ env: { LEASEHOLD_RUNNER: `http://127.0.0.1:${port} ${key}` } })
  runner = startRunner()
  await until(() => seen.includes('LEASEHOLD_RUNNER=') || undefined)
  await makeApp(slug)
}, 120_000)
afterAll(async () => {
  if (runner?.kill('SIGTERM')) await once(runner, 'close')
  await company?.stop()
  await rm(home, { recursive: true, force: true })
})

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 900; tries++) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await wait(50)
  }
  throw new Error(`waited for nothing: ${seen}`)
}

const repositoryOf = (app: string) => String(5000 + app.length)

/** Sam's, with Maya to look at it; its CI is trusted as what publishes it and as what runs. */
async function makeApp(app: string): Promise<void> {
  const [sam, tom] = [company.as('sam'), company.as('tom')]
  const body = { slug: app, purpose: 'board of stuck deals', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', body))
  const yaml = `app: ${app}\npurposes:\n  publish:\n    says: Publishes it\n`
  await expectStatus(200, sam('PUT', `/v1/apps/${app}/manifest`, { yaml }))
  for (const role of ['publish', 'run']) {
    const claims = {
      repository_id: repositoryOf(app),
      repository_owner_id: '4711',
      environment: role,
      job_workflow_ref: `acme/${app}/.github/workflows/${role}.yml@refs/heads/main`,
    }
    const rule = { role, preset: 'github', issuer: company.github.issuer, reason: 'our CI', claims }
    const asked = await expectStatus(201, sam('POST', `/v1/apps/${app}/trust`, rule))
    const { id, bodyHash } = asked.body
    await expectStatus(200, tom('POST', `/v1/requests/${id}/answer`, { says: 'yes', bodyHash }))
  }
  await expectStatus(200, sam('POST', `/v1/apps/${app}/share`, { people: ['maya@acme.example'] }))
  await company.running.world.settle()
}

const commitOf = (version: string) =>
  Buffer.from(version).toString('hex').padEnd(40, '0').slice(0, 40)

/** A token of the job that ships this version of the app. */
function jobToken(version: string, { app = slug, role = 'publish' } = {}): Promise<string> {
  const { github, running } = company
  const claims = githubClaims(running.issuer, Math.floor(toMs(company.clock.now()) / 1000))
  return github.issue({
    ...claims,
    repository_id: repositoryOf(app),
    repository: `acme/${app}`,
    environment: role,
    job_workflow_ref: `acme/${app}/.github/workflows/${role}.yml@refs/heads/main`,
    sha: commitOf(version),
    run_id: String(7000 + version.length * 100 + (version.codePointAt(0) ?? 0)),
  })
}

async function folderWith(
  version: string,
  files: Record<string, string> = {},
  place = home,
): Promise<string> {
  const folder = await mkdtemp(join(place, 'work-'))
  const own = {
    'package.json': JSON.stringify({ type: 'module', scripts: { start: 'node src/server.mjs' } }),
    'leasehold.yaml': `app: ${slug}\n`,
    'src/server.mjs': program(version).replace('KEY_FILE', join(runnerHome, 'key.json')),
    ...files,
  }
  for (const [path, text] of Object.entries(own)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

/** What a job of CI types. */
async function ship(version: string, files?: Record<string, string>, app = slug) {
  const folder = await folderWith(version, files)
  const env = {
    LEASEHOLD_SERVER: company.running.issuer,
    LEASEHOLD_ID_TOKEN: await jobToken(version, { app }),
    XDG_CONFIG_HOME: join(folder, '.leasehold'),
  }
  return ended(start(folder, ['ship', '--deploy', '--as', app], env))
}

const shipped = async (version: string, files?: Record<string, string>) => {
  const { code, out, err } = await ship(version, files)
  if (code !== 0) throw new Error(`${code} ${out} ${err} ${seen}`)
  return out
}

/** What a colleague sees, by a visit of her own. */
async function seenByMaya(path = '/') {
  const maya = await Browser.of(company.running, company.ids.maya)
  const answer = await maya.open(`${at()}${path}`)
  return { maya, ...answer }
}

/** Of the app's program; a process that ended has none. */
const programs = () =>
  readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .filter(pid => commandOf(pid).includes(`--allow-fs-write=${join(folderOf(slug), 'data')}`))
    .map(Number)
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

test('CI ships it without a key, and a colleague opens it while no laptop runs', async () => {
  expect(await shipped('one')).toContain(`${at()} answers with ${commitOf('one')}`)
  expect(await seenByMaya()).toMatchObject({ status: 200, text: 'one' })
  const eve = await Browser.of(company.running, company.ids.eve)
  expect((await eve.open(at())).status).toBe(403)
}, 180_000)

test('where it runs it reads its folder, writes its own, and knows nothing of the runner', async () => {
  const { maya } = await seenByMaya()
  const tries = JSON.parse((await maya.send(`${at()}/tries`)).text)
  const denied = 'ERR_ACCESS_DENIED'
  expect(tries).toMatchObject({ key: denied, environment: denied, process: denied })
  expect(tries).toMatchObject({ ownFolder: denied, ownData: 'done' })
  const places = ['HOME', 'PORT', 'TMPDIR', 'NODE_ENV']
  const told = ['LEASEHOLD_ADDRESS', 'LEASEHOLD_COMMIT', 'LEASEHOLD_SERVER']
  expect(tries.names).toEqual([...places, ...told].sort())
  for (const each of [runnerHome, join(runnerHome, 'apps'), folderOf(slug)])
    expect((await stat(each)).mode & 0o777).toBe(0o700)
})

test('a visit is traced to the commit and the run of CI that shipped what answered', async () => {
  await company.running.world.settle()
  const { hops } = (await company.as('sue')('GET', `/v1/trace/${commitOf('one')}`)).body
  const lines = hops.map(({ hop, name, what, state }: Record<string, string>) =>
    [hop, name, what, state].join(' '),
  )
  expect(lines).toContainEqual(expect.stringMatching(/^commit [0-9a-f]{7} maya/))
  expect(lines).toContainEqual(expect.stringMatching(/^attestation CI run \d+ acme\/desk proven/))
  expect(lines).toContainEqual(expect.stringMatching(/^use shipped sha256 [0-9a-f]{64} proven/))
  expect(lines).toContainEqual(expect.stringMatching(/^use maya opened the app.* proven/))
})

test('a newer version answers before the older stops: no request fails, none goes back', async () => {
  const { maya } = await seenByMaya()
  const slow = maya.send(`${at()}/slow`)
  const answers: string[] = []
  const under: Promise<unknown>[] = []
  const asking = setInterval(
    () => under.push(maya.send(at()).then(({ status, text }) => answers.push(`${status} ${text}`))),
    25,
  )
  await shipped('two')
  await wait(300)
  clearInterval(asking)
  await Promise.all(under)
  expect(new Set(answers)).toEqual(new Set(['200 one', '200 two']))
  expect(answers.at(-1)).toBe('200 two')
  expect((await slow).text).toBe('one')
  await until(() => (programs().length === 1 ? true : undefined))
  await until(() => readdirSync(folderOf(slug)).length === 3 || undefined)
  await company.running.world.settle()
  const first = (await company.as('sue')('GET', `/v1/trace/${commitOf('one')}`)).body.hops.length
  await seenByMaya()
  await company.running.world.settle()
  const then = (await company.as('sue')('GET', `/v1/trace/${commitOf('one')}`)).body.hops
  expect(then).toHaveLength(first)
}, 180_000)

test('a version that does not start takes no place, and CI is told why', async () => {
  const broken = { 'src/server.mjs': 'throw new Error("no such module of mine")' }
  const { code, err } = await ship('broken', broken)
  expect(code).not.toBe(0)
  expect(err).toContain('It was not started')
  expect(err).toContain('no such module of mine')
  const shell = { 'package.json': '{"scripts":{"start":"sh -c true"}}' }
  expect((await ship('shell', shell)).err).toContain('names no program')
  expect((await seenByMaya()).text).toBe('two')
  expect(readdirSync(folderOf(slug))).toHaveLength(3)
}, 180_000)

test('it dies and is started again; the runner is killed and what it had answers again', async () => {
  const { maya } = await seenByMaya()
  const [before] = programs()
  await maya.send(`${at()}/die`)
  await until(async () => ((await maya.send(at())).text === 'two' ? true : undefined))
  expect(programs()).not.toContain(before)
  runner.kill('SIGKILL')
  await once(runner, 'close')
  // None outlives it.
  await until(() => (programs().length === 0 ? true : undefined))
  expect((await maya.open(at())).text).toContain('is not running right now')
  runner = startRunner()
  await until(async () => ((await maya.open(at())).text === 'two' ? true : undefined))
  expect(programs()).toHaveLength(1)
}, 180_000)

/** What CI says to the server, by hand. */
async function say(token: string, digest = 'a'.repeat(64), app = slug) {
  const { address, issuer } = company.running
  const path = `${address}/v1/apps/${app}/ship/${digest}`
  const headers = { authorization: `Bearer ${token}`, host: new URL(issuer).host }
  const answer = await fetch(path, { method: 'POST', headers })
  type Said = Record<'warrant' | 'runner' | 'detail', string>
  return { status: answer.status, body: (await answer.json()) as Said }
}

async function taskOf(version: string, { app = slug, role = 'publish' } = {}): Promise<string> {
  const form = {
    subject_token: await jobToken(version, { app, role }),
    scope: 'publish',
    identity: `${app}/${role}`,
  }
  const { body, text } = await company.exchange(form)
  if (body?.access_token === undefined) throw new Error(text)
  return body.access_token
}

const send = async (warrant: string, bundle: Buffer | string, app = slug) => {
  const init = { method: 'PUT', headers: { authorization: `Bearer ${warrant}` }, body: bundle }
  const answer = await fetch(`http://127.0.0.1:${port}/v1/apps/${app}`, init)
  return { status: answer.status, body: (await answer.json()) as { detail: string } }
}
const digestOf = (bundle: Buffer) => createHash('sha256').update(bundle).digest('hex')
const tarOf = (folder: string, ...names: string[]) =>
  execFileSync('tar', ['-c', '--format=ustar', '-C', folder, ...names], { maxBuffer: 1 << 26 })

test('nobody ships an app but its publish identity, from a run of CI, once for each token', async () => {
  expect((await say(await taskOf('three', { role: 'run' }))).status).toBe(403)
  await makeApp('other')
  expect((await say(await taskOf('three', { app: 'other' }))).status).toBe(403)
  // A person, the owner at that, and nobody.
  const owner = await signInLink(
    company.running.issuer,
    company.running.address,
    await company.running.signInLink(),
  )
  expect((await say(owner.token)).body.detail).toContain('by a run of CI')
  expect((await say('x.y.z')).status).toBe(401)
  // What CI itself was given is no token here, and is good for one exchange.
  const token = await jobToken('three')
  expect((await say(token)).status).toBe(401)
  const form = { subject_token: token, scope: 'publish', identity: `${slug}/publish` }
  expect((await company.exchange(form)).status).toBe(200)
  expect((await company.exchange(form)).status).toBe(400)
}, 180_000)

test('the runner takes what the server signed for this app, byte for byte, and nothing older', async () => {
  const folder = await folderWith('three')
  const bundle = tarOf(folder, '.')
  const task = await taskOf('three')
  const { warrant } = (await say(task, digestOf(bundle))).body
  const [head, body = '', signature] = warrant.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...claims, commit: 'f'.repeat(40) })).toString(
    'base64url',
  )
  for (const bad of [
    '',
    'x.y.z',
    task,
    `${head}.${forged}.${signature}`,
    `${head}.${body}.${signature}.x`,
  ])
    expect((await send(bad, bundle)).status).toBe(401)
  expect((await send(warrant, bundle, 'other')).status).toBe(401)
  const other = await send(warrant, Buffer.concat([bundle, Buffer.alloc(512)]))
  expect(other).toMatchObject({ status: 422, body: { detail: expect.stringContaining('another') } })
  // Replayed after a newer one: refused; the newer one again: it is there already.
  const newer = tarOf(await folderWith('four'), '.')
  const next = (await say(await taskOf('four'), digestOf(newer))).body
  expect((await send(next.warrant, newer)).status).toBe(200)
  expect(await send(warrant, bundle)).toMatchObject({ status: 409 })
  expect((await send(next.warrant, newer)).status).toBe(200)
  expect((await seenByMaya()).text).toBe('four')
  // With another key than the runner's it opens nothing.
  const url = new URL(`/v1/apps/${slug}/serve`, company.running.issuer)
  const dpop = proofOf(newKey(), { method: 'GET', url })
  const upgrade = { connection: 'Upgrade', upgrade: 'leasehold-tunnel', host: url.host }
  const headers = { ...upgrade, dpop, 'leasehold-warrant': next.warrant }
  const asked = request(`${company.running.address}${url.pathname}`, { headers }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  expect(answer.resume().statusCode).toBe(401)
}, 180_000)

test('a bundle that leads out of its folder is refused, and nothing of it is written', async () => {
  const folder = await mkdtemp(join(home, 'bad-'))
  await mkdir(join(folder, 'in'))
  await writeFile(join(folder, 'x'), 'x')
  await symlink('/etc', join(folder, 'in/link'))
  await link(join(folder, 'x'), join(folder, 'in/hard'))
  await writeFile(join(folder, 'in/x'), 'x')
  const own = (...words: string[]) =>
    execFileSync('tar', ['-c', '--format=ustar', '-C', join(folder, 'in'), ...words])
  const bundles = {
    above: own('-P', '../x'),
    absolute: own('-P', join(folder, 'x')),
    link: own('link'),
    hard: tarOf(folder, 'x', 'in/hard'),
    twice: own('x', '--transform=s/x/y/', 'x', 'x'),
    none: Buffer.from('PK not a tar'.padEnd(1024)),
    cut: own('x').subarray(0, 700),
  }
  const newest = await taskOf('five')
  for (const [name, bundle] of Object.entries(bundles)) {
    const { warrant } = (await say(newest, digestOf(bundle))).body
    const answer = await send(warrant, bundle)
    expect([name, answer.status, answer.body.detail]).toEqual([
      name,
      422,
      expect.stringContaining('not taken'),
    ])
  }
  expect(existsSync(join(folderOf(slug), 'x'))).toBe(false)
  expect(readdirSync(folderOf(slug))).toHaveLength(3)
  expect((await seenByMaya()).text).toBe('four')
}, 180_000)

test('a laptop does not answer for what is deployed, and is told so', async () => {
  const sam = await homeOfSam(company)
  const work = await folderWith('laptop', {}, sam)
  const words = [
    'dev',
    '--cwd',
    work,
    '--as',
    `${slug}/run`,
    '--',
    process.execPath,
    'src/server.mjs',
  ]
  const dev = start(sam, words, { PORT: '0' })
  let told = ''
  dev.stderr?.on('data', part => (told += String(part)))
  await until(() => told.includes('What CI deployed answers') || undefined).catch(() => {
    throw new Error(`it was told ${told}`)
  })
  expect((await seenByMaya()).text).toBe('four')
  dev.kill('SIGTERM')
  await once(dev, 'close')
  const typed = await ended(start(sam, ['ship', '--deploy', '--as', slug]))
  expect(typed.code).not.toBe(0)
  expect(typed.err).toContain('id-token: write')
  expect(typed.err).toContain('ship --deploy`')
  await rm(sam, { recursive: true, force: true })
}, 180_000)

test('a paused app is shown to nobody and shipped by nobody; resumed, it answers as before', async () => {
  const sam = company.as('sam')
  const ready = await taskOf('six')
  await expectStatus(200, sam('POST', `/v1/apps/${slug}/pause`, { reason: 'stop' }))
  expect((await seenByMaya()).status).toBe(403)
  // A token of before it is over with the pause, and there is no other.
  expect((await say(ready)).status).toBe(401)
  expect((await ship('six')).code).not.toBe(0)
  await expectStatus(200, sam('POST', `/v1/apps/${slug}/resume`, {}))
  await until(async () => ((await seenByMaya()).text === 'four' ? true : undefined))
}, 180_000)

test('at its end nothing of it is left in the runner, and nothing brings it back', async () => {
  const sam = company.as('sam')
  const bundle = tarOf(await folderWith('seven'), '.')
  const { warrant } = (await say(await taskOf('seven'), digestOf(bundle))).body
  const plan = (await expectStatus(200, sam('POST', `/v1/apps/${slug}/end`, {}))).body
  const asked = { planHash: plan.planHash, reason: 'done' }
  await expectStatus(200, sam('POST', `/v1/apps/${slug}/end`, asked))
  await until(() => (existsSync(folderOf(slug)) ? undefined : true))
  expect(programs()).toEqual([])
  const gone = await until(async () => {
    const answer = await seenByMaya()
    return answer.status === 410 ? answer : undefined
  })
  expect(gone.text).toContain('has ended')
  // Shipped before the end, sent after it.
  expect((await send(warrant, bundle)).status).toBe(410)
  expect(existsSync(folderOf(slug))).toBe(false)
  expect(programs()).toEqual([])
}, 180_000)
