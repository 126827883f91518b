// What `dev` does with a command: its exit code, its signals, what it is told; the journey has the data.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { AppDetail } from '../../../src/doors/api/contract.ts'
import { ended, runAnswers, signedInHome, startCli } from '../test/running.ts'
import { problem, type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'

let stub: Stub
let home: string
const app: AppDetail = { ...views.app, state: 'active', grants: [], requests: [] }
const needs = [{ resource: 'crm.deals', actions: ['read' as const] }]
const wanting = { ...app, purposes: [{ name: 'board', says: 'Shows stuck deals', needs }] }

beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub.stop())
beforeEach(async () => {
  for (const each of Object.keys(stub.answers)) delete stub.answers[each]
  Object.assign(stub.answers, runAnswers('-'), {
    'GET /v1/apps/deal-desk': app,
    'PUT /v1/apps/deal-desk/manifest': app,
  })
  stub.asked.length = 0
  home = await signedInHome(stub)
  writeFileSync(join(home, 'leasehold.yaml'), 'app: deal-desk\n')
  return () => rm(home, { recursive: true })
})
const dev = (...words: string[]) => startCli({ stub, home, env: { PORT: '0' } }, ['dev', ...words])
const node = (code: string) => ['--', process.execPath, '-e', code]

test('ends with the exit code of what it ran', async () => {
  expect(await ended(dev(...node('process.exit(3)')))).toMatchObject({ code: 3 })
  const lost = await ended(dev('--', 'no-such-command-anywhere'))
  expect(lost).toMatchObject({ code: 127, err: expect.stringContaining('LH-RUN-03') })
})

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  'passes %s on, and dies of it as it did',
  async signal => {
    const child = dev(...node(`console.log('up'); setInterval(() => {}, 1000)`))
    const over = ended(child)
    await once(child.stdout ?? child, 'data')
    child.kill(signal)
    expect(await over).toMatchObject({ code: null, signal })
  },
)

test('an app that ends well at Ctrl-C is a good end', async () => {
  const child = dev(
    ...node(
      `process.on('SIGINT', () => process.exit(0)); console.log('up'); setInterval(() => {}, 1000)`,
    ),
  )
  const over = ended(child)
  await once(child.stdout ?? child, 'data')
  child.kill('SIGINT')
  expect(await over).toMatchObject({ code: 0, signal: null })
})

test('runs the script `dev` of the package, and `start` where `dev` is ours', async () => {
  const write = (scripts: object) =>
    writeFileSync(join(home, 'package.json'), JSON.stringify({ scripts }))
  mkdirSync(join(home, 'src'))
  writeFileSync(join(home, 'src/app.js'), 'console.log(process.env.PORT, process.argv[2])')
  write({ dev: 'leasehold dev', start: 'node src/app.js started' })
  expect((await ended(dev())).out).toMatch(/^\d+ started\n$/)
  write({ dev: 'node src/app.js developed', start: 'node src/app.js started' })
  expect((await ended(dev())).out).toMatch(/^\d+ developed\n$/)
  write({ start: 'FIRST=1 node src/app.js "$FIRST" && exit 4' })
  expect(await ended(dev())).toMatchObject({ code: 4 })
  write({ dev: 'leasehold dev' })
  expect(await ended(dev())).toMatchObject({
    code: 2,
    err: expect.stringContaining('how to start'),
  })
})

test('what it runs is told whose it is and what is waited for, and has no database of the person', async () => {
  stub.answers['GET /v1/apps/deal-desk'] = wanting
  const env = { PORT: '0', DATABASE_URL: 'postgresql://mine', PGPASSWORD: 'mine' }
  const child = startCli({ stub, home, env }, [
    'dev',
    ...node('console.log(JSON.stringify(process.env))'),
  ])
  const { out, err } = await ended(child)
  const seen = JSON.parse(out) as Record<string, string>
  expect(seen).toMatchObject({
    LEASEHOLD_OWNER: 'Maya Ortiz',
    LEASEHOLD_WAITS: expect.stringContaining('nobody was asked yet'),
  })
  expect(out).not.toContain('mine')
  expect(err).toContain('▲ synthetic: nobody was asked yet')
})

test('an access that is refused at the door does not stop the app: it runs on, and is told why', async () => {
  const grant = {
    ...views.grant,
    state: 'live',
    roles: ['run'],
    resource: 'crm.deals',
    actions: ['read'],
  }
  stub.answers['GET /v1/apps/deal-desk'] = { ...wanting, grants: [grant] }
  stub.answers['POST /v1/leases'] = () => ({
    status: 503,
    body: problem('target-unreachable', 503, 'crm is not reached.'),
  })
  const { out, err, code } = await ended(
    dev(...node('console.log(process.env.LEASEHOLD_WAITS, process.env.DATABASE_URL)')),
  )
  expect({ code, out }).toEqual({ code: 0, out: 'crm is not reached. undefined\n' })
  expect(err).toContain('crm is not reached.')
})

test('a manifest the server refuses is said before anything runs', async () => {
  stub.answers['PUT /v1/apps/deal-desk/manifest'] = () => ({
    status: 400,
    body: problem('invalid-field', 400, 'leasehold.yaml, line 3: no.'),
  })
  const refused = await ended(dev(...node('console.log("ran")')))
  expect(refused).toMatchObject({ code: 2, out: '', err: expect.stringContaining('line 3') })
})
