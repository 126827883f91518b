import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newHome, run, type World } from '../test/host.ts'
import { type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'

const secret = `s3cret-${Math.random()}`
const config = { url: 'https://api.example', credential: { header: 'x-api-key', value: secret } }
const failed = { name: 'credential accepted', ok: false, detail: 'status 401' }
let stub: Stub
let world: World

beforeAll(async () => {
  stub = await startStub({
    'POST /v1/targets': { ...views.target, preflightState: 'failed', preflightSteps: [failed] },
    'GET /v1/targets/tracker/tools': { items: views.tools },
    'POST /v1/targets/tracker/tools': { items: views.tools },
    'PUT /v1/people/tom/roles': views.tom,
  })
})
afterAll(async () => stub.stop())
beforeEach(() => {
  stub.asked.length = 0
  world = { home: newHome(), server: stub.url }
  writeFileSync(join(world.home, 'api.json'), JSON.stringify(config))
  return () => rm(world.home, { recursive: true })
})

const connect = (at: Partial<World>, ...more: string[]) =>
  run({ ...world, ...at }, 'connect', 'http', '--name', 'api', ...more)
const sent = () => JSON.parse(stub.asked.at(-1)?.body ?? '{}') as Record<string, unknown>

describe('what is connected', () => {
  test('is as its file says, or what is piped in; what failed is said, and is no success', async () => {
    const ran = await connect({}, '--config', 'api.json', '--production', '--until', '2027-01-01')
    expect(sent()).toEqual({
      slug: 'api',
      connector: 'http',
      config,
      production: true,
      shared: false,
      adminEndsAt: '2027-01-01',
    })
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('✕ credential accepted      status 401')
    expect(ran.err).toContain('Next: leasehold connect mcp --name tracker --config <file>')
    expect(ran.out + ran.err).not.toContain(secret)
    await connect({ input: JSON.stringify(config) }, '--config', '-')
    expect(sent()).toMatchObject({ config, production: false })
  })

  test('is a declared system by the file that describes it, beside what signs in there', async () => {
    const file = 'system: Keyring\n'
    writeFileSync(join(world.home, 'keyring.yaml'), file)
    const own = { credential: secret }
    await connect({ input: JSON.stringify(own) }, '--config', '-', '--file', 'keyring.yaml')
    expect(sent()).toMatchObject({ config: { ...own, file } })
    await connect({ input: JSON.stringify(own) }, '--config', '-')
    expect(sent()).toMatchObject({ config: own })
    const missing = await connect({}, '--config', 'api.json', '--file', 'no.yaml')
    expect(missing).toMatchObject({ code: 2, err: expect.stringContaining('can not be read') })
  })

  test.each([
    ['no file', [], 'from a file'],
    ['a file that is not there', ['--config', 'no.json'], 'can not be read'],
    ['words that are no JSON', ['--config', '-'], 'is no JSON'],
  ])('is not sent with %s', async (_, more, says) => {
    expect(await connect({ input: secret }, ...more)).toMatchObject({
      code: 2,
      err: expect.stringContaining(says),
    })
    expect(stub.asked).toEqual([])
  })

  test('is never typed at a terminal, where others see it, and shown by no --dry-run', async () => {
    expect(await connect({ tty: true }, '--config', '-')).toMatchObject({ code: 2 })
    const dry = await connect({}, '--config', 'api.json', '--dry-run')
    expect(dry).toMatchObject({ code: 0, err: expect.stringContaining('"config":"…"') })
    expect(dry.err).not.toContain(secret)
    expect(stub.asked).toEqual([])
  })
})

describe('a person says', () => {
  test.each([
    ['what is connected', ['connect', 'http', '--name', 'api', '--config', 'api.json']],
    ['which tools are agreed to', ['tools', 'agree', 'tracker', '--yes']],
    ['who has which role', ['person', 'roles', 'tom', 'platform']],
  ])('%s, never an agent', async (_, words) => {
    const { code } = await run({ ...world, env: { CLAUDECODE: '1' } }, ...words)
    expect(code).toBe(64)
    expect(stub.asked).toEqual([])
  })

  test('yes to exactly the tools that were shown, whole', async () => {
    const { err } = await run(world, 'tools', 'agree', 'tracker', '--yes')
    expect(sent()).toEqual({ tools: { create: 'b'.repeat(64) } })
    const shown = err.replaceAll(/\s+/g, '')
    expect(shown).toContain(String(views.tools[1]?.description).replaceAll(/\s+/g, ''))
    expect(err).toContain('{"destructiveHint":false}')
    const asked = await run(world, 'tools', 'agree', 'tracker')
    expect(asked).toMatchObject({
      code: 64,
      err: expect.stringContaining('Agree to exactly this?'),
    })
  })

  test('that somebody has no role any more', async () => {
    await run(world, 'person', 'roles', 'tom', 'none')
    expect(sent()).toEqual({ roles: [] })
  })
})
