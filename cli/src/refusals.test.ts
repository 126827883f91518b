import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newHome, run, type World } from './test/host.ts'
import { problem, type Stub, startStub } from './test/stub.ts'
import * as views from './test/views.ts'
import { parseWords } from './words.ts'

let stub: Stub
let world: World

beforeAll(async () => {
  stub = await startStub()
})
afterAll(async () => stub.stop())
beforeEach(() => {
  stub.asked.length = 0
  for (const key of Object.keys(stub.answers)) delete stub.answers[key]
  stub.answers['GET /v1/requests/R-2040F'] = views.request
  stub.answers['GET /v1/me'] = views.me
  world = { home: newHome(), server: stub.url }
  return () => rm(world.home, { recursive: true })
})

const refuse =
  (code: string, status: number, more: object = {}) =>
  () => ({
    status,
    headers: { 'content-type': 'application/problem+json' },
    body: problem(code, status, `It is ${code}.`, more),
  })

describe('a refusal', () => {
  test.each([
    ['not-found', 404, 1],
    ['invalid-field', 422, 2],
    ['bad-request', 400, 2],
    ['not-signed-in', 401, 77],
    ['token-refused', 401, 77],
    ['human-required', 403, 64],
    ['denied', 403, 65],
    ['approval-needed', 403, 66],
    ['stale', 503, 75],
    ['rate-limited', 429, 75],
    ['store-unavailable', 503, 69],
    ['wrong-state', 409, 1],
    ['internal', 500, 70],
  ])('with %s is exit %i → %i, and has its four parts', async (code, status, exit) => {
    stub.answers['GET /v1/me'] = refuse(code, status, { next: 'leasehold ls' })
    const { code: got, err } = await run(world, 'whoami')
    expect(got).toBe(exit)
    expect(err).toMatch(/^✕ .+\n/)
    expect(err).toMatch(/ {2}Next {2}leasehold \w+/)
    expect(err).toMatch(/ {2}Ref {3}\S+/)
  })

  test('names rule, facts, the smallest change and what is allowed instead', async () => {
    stub.answers['GET /v1/me'] = refuse('denied', 403, { denial: views.denial })
    const { err } = await run(world, 'whoami')
    expect(err).toMatchInlineSnapshot(`
      "✕ Denied: deal-desk write crm.contacts
        Rule          customer-data-write: Prototypes may not change customer data.
        Because       app.stage is prototype, needs managed
                      resource.dataClass is customer, needs internal   (Tom Reyes)
        Would pass if the app is managed
        Instead       The sandbox twin crm.sandbox-contacts   leasehold ask crm.sandbox-contacts --write
        Next  leasehold why D-H1TWW
        Ref   D-H1TWW
      "
    `)
  })

  test('as JSON says what programs need, on stdout alone', async () => {
    stub.answers['GET /v1/me'] = refuse('denied', 403, { denial: views.denial })
    const { out, err } = await run(world, 'whoami', '--json')
    expect(JSON.parse(out)).toMatchObject({
      schema: 'leasehold/v1',
      status: 'denied',
      reason: 'denied',
      ref: 'D-H1TWW',
      exit: 65,
      denial: { rule: views.denial.rule, because: views.denial.because },
      next: [{ command: expect.stringContaining('why D-H1TWW') as string }],
    })
    expect(err).toBe('')
  })

  test('of words and options is in our form, and says what was meant', async () => {
    for (const argv of [
      ['shwo', 'x'],
      ['ls', '--stat', 'x'],
      ['show'],
      ['extend', 'a', '--days', 'x'],
    ]) {
      const { code, err } = await run(world, ...argv)
      expect(code).toBe(2)
      expect(err).toMatch(/^✕ .*\n {2}Next {2}.*\n {2}Ref {3}LH-USE-02\n$/)
    }
    expect((await run(world, 'shwo')).err).toContain('Did you mean show?')
  })

  test('by something that is no server of ours says so', async () => {
    stub.answers['GET /v1/me'] = () => ({ body: '<html>hello</html>' })
    expect(await run(world, 'whoami')).toMatchObject({ code: 70 })
    const { code, err } = await run({ ...world, server: 'http://127.0.0.1:9' }, 'whoami')
    expect(code).toBe(69)
    expect(err).toContain('LH-NET-05')
  })

  test('by a clock that is off names the clock', async () => {
    const date = new Date(Date.now() - 600_000).toUTCString()
    stub.answers['GET /v1/me'] = () => ({ ...refuse('token-refused', 401)(), headers: { date } })
    const { err } = await run(world, 'whoami')
    expect(err).toContain('10 min off')
    expect(err).toContain('LH-CLOCK-10')
  })
})

/** What starts something else, or speaks as another program wants it. */
const others = 'demo.serve demo.demo git.gitCredential scan.scan serve.serve hook.hook'.split(' ')
const words = parseWords().filter(({ verb }) => !others.includes(verb))

describe('where nobody can be asked', () => {
  test.each(words.map(word => [word.name, word] as const))(
    '%s ends, with JSON and without a terminal, whatever is missing',
    async (name, { args }) => {
      const given = args.filter(arg => arg.startsWith('<')).map(() => 'x')
      const agent = { ...world, env: { CLAUDECODE: '1', NO_COLOR: '' } }
      for (const at of [
        world,
        agent,
        { ...world, tty: true, env: { CODEX_SANDBOX: 'seatbelt' } },
      ]) {
        const { out, code } = await run(at, ...name.split(' '), ...given, '--json')
        expect(JSON.parse(out)).toMatchObject({ schema: 'leasehold/v1' })
        expect(out).not.toContain('\u001b')
        if (!['whoami', 'logout', 'agent setup'].includes(name)) expect(code).toBeGreaterThan(0)
      }
    },
    5000,
  )

  test('what a person must do is exit 64, and JSON even when nobody asked for it', async () => {
    const { code, out, err } = await run(world, 'new', 'board of deals')
    expect(code).toBe(64)
    expect(JSON.parse(out)).toMatchObject({
      status: 'action_required',
      human_required: true,
      next: [{ command: expect.stringContaining('--backup') as string }],
    })
    expect(err).toContain('LH-HUMAN-09')
    expect(await run({ ...world, tty: true }, 'login', '--no-input')).toMatchObject({ code: 64 })
  })

  test('an agent can not answer for a person, not even with --yes', async () => {
    await writeFile(join(world.home, 'rules.cedar'), '')
    const signs = [
      'CLAUDECODE',
      'CURSOR_AGENT',
      'CODEX_CI',
      'GEMINI_CLI',
      'CLINE_ACTIVE',
      'OPENCODE',
    ]
    for (const sign of signs)
      for (const words of [
        'claim U-7K2Q9',
        'adopt U-7K2Q9 --app old-bot',
        'evidence deal-desk lh_x --file rules.cedar --says gone',
        'approve R-2040F',
        'deny R-2040F',
        'policy push rules.cedar --reason x',
      ]) {
        const at = { ...world, tty: true, env: { [sign]: '1' } }
        expect(await run(at, ...words.split(' '), '--yes')).toMatchObject({ code: 64 })
      }
    expect(stub.asked.filter(({ method }) => method !== 'GET')).toEqual([])
  })

  test('a person whose shell merely has such a name set to nothing is no agent', async () => {
    stub.answers[`POST /v1/requests/${views.request.id}/answer`] = views.request
    const at = { ...world, env: { CLAUDECODE: '', CURSOR_AGENT: '0' } }
    expect(await run(at, 'approve', 'R-2040F', '--yes')).toMatchObject({ code: 0 })
  })
})

describe('text of others', () => {
  const acting = ['\u001b', '\u009b', '\u202e', '\u200b', '\u2028', '\r']
  const nasty = 'a\u001b[2Jb\u202ec\r\nd\u200be\u009b31mf\tg\u2028h'

  test('can not act in a terminal, break a line or hide letters', async () => {
    stub.answers['GET /v1/apps'] = { items: [{ ...views.app, purpose: nasty, slug: nasty }] }
    stub.answers['GET /v1/apps/x'] = { ...views.app, purpose: nasty, says: nasty }
    stub.answers['GET /v1/requests/R-2040F'] = { ...views.request, says: nasty, gives: [nasty] }
    stub.answers['GET /v1/me'] = refuse('wrong-state', 409, { detail: nasty, next: nasty })
    for (const tty of [true, false])
      for (const argv of [['ls'], ['status', 'x'], ['approve', 'R-2040F', '--yes'], ['whoami']]) {
        const { out, err, seen } = await run({ ...world, tty }, ...argv)
        expect(acting.filter(each => seen.includes(each))).toEqual([])
        expect(out + err).toContain('a·[2Jb·c··d·e')
      }
    const rows = (await run(world, 'ls')).out.trimEnd().split('\n')
    expect(rows).toHaveLength(2)
  })

  test('is whole in JSON, and there it can not act either', async () => {
    stub.answers['GET /v1/apps'] = { items: [{ ...views.app, purpose: nasty }] }
    const { out } = await run({ ...world, tty: true }, 'ls', '--json')
    expect(acting.filter(each => out.includes(each))).toEqual([])
    expect(JSON.parse(out)).toMatchObject({ result: { items: [{ purpose: nasty }] } })
  })
})
