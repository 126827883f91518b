import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CertificateFile, OffboardingView } from '../../../src/doors/api/contract.ts'
import { testCertificateFile } from '../../../test/support/signed-certificate.ts'
import { newKeys, rootPrint } from '../../../test/support/signed-log.ts'
import type { DemoAnswer, DemoHint } from '../demo-control.ts'
import { newHome, run, type World } from '../test/host.ts'
import { type Asked, type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'

const keys = newKeys()
let server: Stub
let control: Stub
let world: World

const thief: DemoAnswer = {
  result: { app: 'deal-desk' },
  lines: ['  The copy of L-7K2Q9:', '    gateway  ✕ leasehold says no'],
  next: 'leasehold verify demo/deal-desk.end.json',
  ok: true,
}
const liar: DemoAnswer = {
  result: { app: 'invoice-bot' },
  lines: ['  invoice-bot: ▲ 0 of 1 verified gone.', '    leasehold verify x.json      exit 1'],
  ok: true,
}

async function hint(change: Partial<DemoHint> = {}): Promise<void> {
  await mkdir(join(world.home, '.leasehold'), { recursive: true, mode: 0o700 })
  const one: DemoHint = {
    url: server.url,
    issuer: server.url,
    token: 'maya-token',
    rootFingerprint: rootPrint(keys),
    controlUrl: control.url,
    controlWord: 'open sesame',
    ...change,
  }
  await writeFile(join(world.home, '.leasehold/demo.json'), JSON.stringify(one), { mode: 0o600 })
}

beforeAll(async () => {
  server = await startStub({
    'GET /v1/me': views.me,
    'GET /v1/trace/deal-desk': views.trace,
    'POST /v1/policy/try': views.replay,
  })
  control = await startStub({
    'POST /thief': thief,
    'POST /liar': ({ body }: Asked) =>
      body.includes('true') ? { body: { ...liar, next: 'leasehold new "what"' } } : { body: liar },
  })
})
afterAll(async () => Promise.all([server.stop(), control.stop()]))
beforeEach(async () => {
  server.asked.length = control.asked.length = 0
  world = { home: newHome(), server: server.url }
  await hint()
  await writeFile(join(world.home, 'stricter.cedar'), 'forbid (principal, action, resource);')
  return () => rm(world.home, { recursive: true })
})

describe('the five commands of the demo', () => {
  test('show the thief at closed doors, in the words of the demo and under our name', async () => {
    const { seen, code } = await run(world, 'demo', 'thief')
    expect(code).toBe(0)
    expect(seen).toMatchInlineSnapshot(`
      "  The copy of L-7K2Q9:
          gateway  ✕ leasehold says no
        Next: leasehold verify demo/deal-desk.end.json
      "
    `)
    expect(control.asked[0]?.token).toBe('open sesame')
  })

  test('fail loudly if the thief gets in anywhere', async () => {
    const kept = control.answers['POST /thief']
    control.answers['POST /thief'] = { ...thief, ok: false }
    const { code } = await run(world, 'demo', 'thief')
    control.answers['POST /thief'] = kept
    expect(code).toBe(1)
  })

  test('show where each step is proven', async () => {
    const { seen, code } = await run(world, 'trace', 'deal-desk')
    expect(code).toBe(0)
    expect(seen).toContain('Next: leasehold policy try demo/stricter.cedar')
  })

  test('play the day again under another rule', async () => {
    const { seen, code } = await run(world, 'policy', 'try', 'stricter.cedar')
    expect(code).toBe(0)
    expect(seen).toMatchInlineSnapshot(`
      "  9 recorded decisions, played again
          under the policy of that moment (v1)       9 of 9 the same, byte for byte
          under stricter.cedar                       1 differs
            D-D1000  deal-desk read crm.deals    yes → no     rule deals-need-review (line 6)
                 would have stopped: Maya's board, 118 rows, Sun 22 Nov 14:02
        Nothing was changed. To propose it: leasehold policy push stricter.cedar (a second person approves)
        Next: leasehold demo liar
      "
    `)
  })

  test('show the liar, and then that it stopped', async () => {
    const lying = await run(world, 'demo', 'liar')
    expect(lying.seen).toMatchInlineSnapshot(`
      "  invoice-bot: ▲ 0 of 1 verified gone.
          leasehold verify x.json      exit 1
      "
    `)
    const { seen } = await run(world, 'demo', 'liar', '--honest')
    expect(seen).toContain('Next: leasehold new "what"')
  })
})

test('a story of another place stays at the demo, which says what it does not know', async () => {
  const { code, err } = await run(world, 'demo', '//evil.example/x')
  expect(code).not.toBe(0)
  expect(err).not.toBe('')
  expect(control.asked.at(-1)).toMatchObject({ path: '/%2F%2Fevil.example%2Fx' })
})

describe('the hint of a demo', () => {
  test('serves for a sign-in, for that server alone', async () => {
    expect(await run(world, 'whoami')).toMatchObject({ code: 0 })
    expect(server.asked.map(({ token }) => token)).toEqual(['maya-token'])
    const other = await startStub({ 'GET /v1/me': views.me })
    await run({ ...world, server: other.url }, 'whoami')
    expect(other.asked.map(({ token }) => token)).toEqual([undefined])
    await other.stop()
  })

  test('of another machine, half written, or of somebody who may write here is none', async () => {
    for (const change of [{ url: 'https://evil.example' }, { controlUrl: 'http://evil.example' }]) {
      await hint(change)
      expect((await run(world, 'demo', 'thief')).err).toContain('No demo is running')
    }
    await writeFile(join(world.home, '.leasehold/demo.json'), '{"url":')
    expect((await run(world, 'demo', 'thief')).err).toContain('No demo is running')
  })
})

describe('ending an app', () => {
  const done: OffboardingView = {
    ...views.plan,
    state: 'verified-gone',
    items: views.plan.items.map(item => ({
      ...item,
      state: 'verified-gone',
      at: '2026-11-22T14:02:11Z',
    })),
    green: 2,
    certifiedAt: '2026-11-22T14:02:11Z',
  }
  const file: CertificateFile = testCertificateFile(keys)

  beforeEach(() => {
    let looks = 0
    server.answers['POST /v1/apps/deal-desk/end'] = ({ body }: Asked) => ({
      body: body.includes('planHash') ? { ...views.plan, state: 'running' } : views.plan,
    })
    server.answers['GET /v1/apps/deal-desk/end'] = () => ({
      body:
        ++looks > 2
          ? done
          : { ...done, state: 'running', certifiedAt: null, items: done.items.slice(0, 1) },
    })
    server.answers['GET /v1/apps/deal-desk/certificate'] = file
  })

  test('shows the plan, does exactly that plan, and brings a certificate that checks', async () => {
    const { code, seen } = await run(world, 'end', 'deal-desk', '--yes', '--reason', 'done')
    expect(code).toBe(0)
    expect(seen).toMatchInlineSnapshot(`
      "Ending deal-desk removes 2 things, in this order:
        1  lease  lh_deal_desk_7k2q   crm
        2  identity  spiffe://acme.example/app/deal-desk/run   Leasehold
        ● verified gone   lh_deal_desk_7k2q   crm
        ● verified gone   spiffe://acme.example/app/deal-desk/run   Leasehold
      deal-desk: ● 2 of 2 verified gone
        End certificate written   deal-desk.end.json
        Next: leasehold verify deal-desk.end.json
      "
    `)
    const sent = server.asked
      .filter(({ method }) => method === 'POST')
      .map(({ body }) => JSON.parse(body))
    expect(sent).toEqual([{}, { planHash: views.plan.planHash, reason: 'done' }])
    const check = await run(world, 'verify', 'deal-desk.end.json', '--root', rootPrint(keys))
    expect(check).toMatchObject({ code: 0 })
  })

  test('asks before, and where nobody can answer nothing is ended', async () => {
    const { code, err } = await run(world, 'end', 'deal-desk')
    expect(code).toBe(64)
    expect(err).toContain('Next  A person, in a terminal: leasehold end deal-desk --yes')
    expect(server.asked.every(({ body }) => !body.includes('planHash'))).toBe(true)
  })

  test('that does not come to its end is not called so', async () => {
    const stuck = { ...done, state: 'not-green', green: 1, nextTryAt: '2026-11-22T14:33:00Z' }
    server.answers['GET /v1/apps/deal-desk/end'] = stuck
    const { code, out } = await run(world, 'end', 'deal-desk', '--yes')
    expect(code).toBe(1)
    expect(out).toContain('deal-desk: ▲ 1 of 2 verified gone')
    expect(out).toContain('Looking again in 3 min, 14:33')
  })
})
