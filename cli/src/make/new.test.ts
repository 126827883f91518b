// From a sentence to a folder: nothing is written over, nothing outside it, and a crash anywhere goes on.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newHome, now, run, type World } from '../test/host.ts'
import { problem, type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'
import { readMade, writeFiles } from './record.ts'

const hasGit = spawnSync('git', ['--version']).status === 0
const sentence = 'board of deals stuck > 14 days'
const slug = 'board-deals'
const app = { ...views.app, slug, purpose: sentence, trust: [], requests: [] }
const answers = () => ({
  'GET /v1/me': views.me,
  'GET /v1/resources': { items: [views.resource] },
  'POST /v1/apps': app,
  [`PUT /v1/apps/${slug}/manifest`]: app,
  [`POST /v1/apps/${slug}/trust`]: views.request,
  'POST /v1/requests': views.request,
})
let stub: Stub
let world: World
let folder: string

beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub.stop())
beforeEach(() => {
  for (const each of Object.keys(stub.answers)) delete stub.answers[each]
  Object.assign(stub.answers, answers())
  stub.asked.length = 0
  world = { home: newHome(), server: stub.url }
  folder = join(world.home, slug)
  return () => rm(world.home, { recursive: true })
})
const make = (...more: string[]) => run(world, 'new', sentence, '--backup', 'Tom Reyes', ...more)
const changes = () =>
  stub.asked.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`)
const down = () => ({ status: 503, body: problem('unavailable', 503, 'Not now.') })

test.runIf(hasGit)(
  'registers, writes, declares, trusts its own people, asks for reading, and commits',
  async () => {
    const { code, out, err } = await make()
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(changes()).toEqual([
      'POST /v1/apps',
      `PUT /v1/apps/${slug}/manifest`,
      `POST /v1/apps/${slug}/trust`,
      `POST /v1/apps/${slug}/trust`,
      'POST /v1/requests',
    ])
    const asked = JSON.parse(stub.asked.at(-1)?.body ?? '{}') as object
    expect(asked).toMatchObject({
      resource: 'crm.deals',
      actions: ['read'],
      roles: ['run', 'agent'],
    })
    expect(out).toContain('synthetic rows until then')
    expect(err).toContain(`Next: leasehold dev --cwd ${slug}`)
    expect(readMade(folder)).toMatchObject({
      template: 'web',
      version: '1.1.0',
      resource: 'crm.deals',
    })
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', folder, ...words], { encoding: 'utf8' })
    expect(git('log', '--format=%an <%ae> %s')).toBe(
      `${slug} (made by Leasehold) <${slug}@leasehold.invalid> web 1.1.0: ${sentence}\n`,
    )
    expect(git('status', '--porcelain')).toBe('')
    expect(git('ls-files')).not.toContain('.leasehold/')
  },
)

test.each(['POST /v1/apps', `PUT /v1/apps/${slug}/manifest`, `POST /v1/apps/${slug}/trust`])(
  'goes on when it is said again after %s was lost',
  async lost => {
    stub.answers[lost] = down
    expect((await make()).code).not.toBe(0)
    expect(readMade(folder)?.steps).not.toContain('git')
    Object.assign(stub.answers, answers())
    // What was asked for was done, and the answer did not reach us.
    stub.answers[`GET /v1/apps/${slug}`] = app
    stub.asked.length = 0
    const again = await make()
    expect(again).toMatchObject({ code: 0 })
    expect(changes()).not.toContain('POST /v1/apps')
    expect(readMade(folder)?.steps).toHaveLength(6)
    stub.asked.length = 0
    expect((await make()).code).toBe(0)
    expect(changes()).toEqual([])
  },
)

test('takes no app of somebody else for its own, though it has the name', async () => {
  stub.answers['POST /v1/apps'] = down
  await make()
  stub.answers[`GET /v1/apps/${slug}`] = { ...app, owner: views.tom }
  stub.answers['POST /v1/apps'] = () => ({ status: 409, body: problem('conflict', 409, 'Taken.') })
  expect(await make()).toMatchObject({ code: 1, err: expect.stringContaining('Taken.') })
})

test('a no of the server leaves nothing behind', async () => {
  stub.answers['POST /v1/apps'] = () => ({ status: 409, body: problem('conflict', 409, 'Taken.') })
  expect((await make()).code).toBe(1)
  expect(existsSync(folder)).toBe(false)
  expect((await make('--dry-run')).code).toBe(0)
  expect(existsSync(folder)).toBe(false)
})

test('a folder with something in it is refused, and stays as it was', async () => {
  mkdirSync(folder)
  writeFileSync(join(folder, 'mine.txt'), 'mine')
  expect(await make()).toMatchObject({ code: 2, err: expect.stringContaining('is not empty') })
  expect(readdirSync(folder)).toEqual(['mine.txt'])
  expect(changes()).toEqual([])
})

test('what somebody changed since a crash is not written over', async () => {
  stub.answers[`PUT /v1/apps/${slug}/manifest`] = down
  await make()
  writeFileSync(join(folder, 'README.md'), 'mine')
  // As a crash between the last file and the note of it leaves it.
  const made = readFileSync(join(folder, '.leasehold/made.json'), 'utf8')
  const before = made.replace(/,\s*"files"/, '')
  expect(before).not.toBe(made)
  writeFileSync(join(folder, '.leasehold/made.json'), before)
  Object.assign(stub.answers, answers(), { [`GET /v1/apps/${slug}`]: app })
  expect((await make()).code).toBe(0)
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('mine')
})

test('nothing is written outside the folder, where a link leads there', () => {
  const outside = newHome()
  symlinkSync(outside, join(world.home, 'src'))
  const files = [{ path: 'src/server.ts', text: 'x' }]
  expect(() => writeFiles(world.home, files)).toThrow('leads out of')
  expect(readdirSync(outside)).toEqual([])
})

test('what an agent starts asks nobody at the keys: it is told what to say', async () => {
  const seen = await run({ ...world, env: { CLAUDECODE: '1' } }, 'new', sentence)
  expect(seen.code).toBe(64)
  expect(JSON.parse(seen.out)).toMatchObject({ human_required: true })
  expect(seen.err).toContain('--backup "Tom Reyes"')
  expect(existsSync(folder)).toBe(false)
})

test('data is what was named, and where none is meant none is asked for', async () => {
  expect(await make('--data', 'crm.nothing')).toMatchObject({ code: 2 })
  expect((await make('--data', 'none')).out).toContain('none was named: synthetic')
  expect(changes()).not.toContain('POST /v1/requests')
})

test('with --bare it is registered, and nothing else', async () => {
  expect((await make('--bare')).code).toBe(0)
  expect(changes()).toEqual(['POST /v1/apps'])
  expect(existsSync(folder)).toBe(false)
})

test('without a server it is nobody’s: synthetic, for a day, and yours once it is said again', async () => {
  const nowhere = { ...world, server: 'http://127.0.0.1:1' }
  const made = await run(nowhere, 'new', sentence)
  expect(made).toMatchObject({ code: 0, out: expect.stringContaining('nobody') })
  const yaml = () => readFileSync(join(folder, 'leasehold.yaml'), 'utf8')
  expect(yaml()).toContain('owner: "nobody yet"')
  writeFileSync(join(folder, 'README.md'), 'mine')
  const dev = (at: number) =>
    run({ ...nowhere, at }, 'dev', '--cwd', slug, '--', process.execPath, '-e', 'process.exit(5)')
  expect((await dev(now)).code).toBe(5)
  expect(await dev(now + 25 * 3_600_000)).toMatchObject({
    code: 2,
    err: expect.stringContaining('its day is over'),
  })
  expect((await make()).code).toBe(0)
  expect(yaml()).toContain('owner: "Maya Ortiz"')
  expect(yaml()).toContain('resource: crm.deals')
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('mine')
  expect(changes()).toHaveLength(5)
})
