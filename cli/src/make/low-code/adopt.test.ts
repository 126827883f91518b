// What `adopt export.json` sends, asks and waits for; the journey has the systems.
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { FoundView } from '../../../../src/doors/api/contract.ts'
import { newHome, run, type World } from '../../test/host.ts'
import { type Asked, problem, type Stub, startStub } from '../../test/stub.ts'
import * as views from '../../test/views.ts'

let stub: Stub
let world: World
let thing: FoundView
const target = { ...views.target, slug: 'crm', connector: 'postgres' }
const node = (type: string, name: string) => ({
  name: 'Read',
  parameters: { query: 'select secret_column' },
  credentials: { [type]: { id: '1', name } },
})
const flags = ['--owner', 'Maya Ortiz', '--backup', 'Tom Reyes', '--days', '3', '--app', 'orders']

beforeAll(async () => {
  stub = await startStub()
})
afterAll(() => stub.stop())
beforeEach(() => {
  thing = { ...views.found, name: 'old bot' }
  const path = `/v1/found/${thing.id}`
  const after = (more: Partial<FoundView>) => () => ({ body: (thing = { ...thing, ...more }) })
  for (const each of Object.keys(stub.answers)) delete stub.answers[each]
  Object.assign(stub.answers, {
    'GET /v1/me': views.me,
    'GET /v1/targets': { items: [target, { ...target, slug: 'chat', connector: 'slack' }] },
    'GET /v1/found': ({ path: asked }: Asked) => ({
      body: {
        items: asked.endsWith('=crm') ? [thing] : [],
        unknown: 1,
        ownerless: 1,
        neverEnding: 1,
      },
    }),
    'GET /v1/people': { items: [views.me.person] },
    [`POST ${path}/claim`]: after({ state: 'claimed', owner: views.me.person?.name ?? '' }),
    [`POST ${path}/adopt`]: after({ state: 'leased', app: 'orders', isKnown: true }),
  })
  stub.asked.length = 0
  world = { home: newHome(), server: stub.url }
  write(node('postgres', 'Old-Bot'))
  return () => rm(world.home, { recursive: true })
})
const write = (...nodes: object[]) =>
  writeFileSync(join(world.home, 'export.json'), JSON.stringify({ name: 'Orders', nodes }))
const adopt = (...more: string[]) => run(world, 'adopt', 'export.json', ...more)
const changes = () => stub.asked.filter(({ method }) => method !== 'GET')
const denied = (rule: string) => () => {
  const denial = { ...views.denial, rule }
  return { status: 403, body: problem('denied', 403, 'Not yours.', { denial }) }
}

test('its owner claims, and whoever answers for the system adopts: in one word where that is one person', async () => {
  const done = await adopt(...flags, '--yes')
  expect(done).toMatchObject({ code: 0, out: expect.stringMatching(/old bot\tcrm\t.* leased/) })
  expect(done.err).toContain('Next: leasehold status orders')
  const [claimed, adopted] = changes()
  expect(claimed?.path).toMatch(/\/claim$/)
  expect(JSON.parse(adopted?.body ?? '')).toEqual({
    app: 'orders',
    purpose: 'n8n: Orders',
    backup: 'Tom Reyes',
    days: 3,
  })
  for (const { body, path } of stub.asked) expect(body + path).not.toMatch(/secret_column|Old-Bot/)
})

test('where that is two people, the first is told who goes on, and nothing is made in their place', async () => {
  stub.answers[`POST /v1/found/${thing.id}/adopt`] = denied('default-deny')
  const first = await adopt(...flags, '--yes')
  expect(first).toMatchObject({ code: 66, out: expect.stringContaining('who answers for crm') })
  stub.answers['GET /v1/people'] = { items: [views.tom] }
  thing = { ...thing, state: 'found', owner: null }
  stub.asked.length = 0
  const second = await adopt('--owner', 'Tom Reyes', ...flags.slice(2), '--yes')
  expect(second).toMatchObject({ code: 66, out: expect.stringContaining('claim U-7K2Q9') })
  expect(changes()).toEqual([])
})

test('what a rule forbids is no matter of who says it: it is told as it is', async () => {
  stub.answers[`POST /v1/found/${thing.id}/adopt`] = denied('prototype-ends')
  expect(await adopt(...flags, '--yes')).toMatchObject({
    code: 65,
    err: expect.stringContaining('prototype-ends'),
  })
})

test('a person at a terminal who says nothing adopts nothing', async () => {
  const { code, err } = await run(world, 'adopt', 'export.json', ...flags, '--no-input')
  expect(code).toBe(64)
  expect(err).toContain('--yes')
  expect(changes()).toEqual([])
})

test('an agent adopts nothing, not even with --yes', async () => {
  const seen = await run(
    { ...world, env: { CLAUDECODE: '1' } },
    'adopt',
    'export.json',
    ...flags,
    '--yes',
  )
  expect(seen.code).toBe(64)
  expect(stub.asked).toEqual([])
})

test.each([
  [['--account', 'Nobody=U-7K2Q9'], 'names none of its accounts'],
  [['--account', 'Old-Bot'], 'names none of its accounts'],
])('refused before anything is asked: %s', async (more, says) => {
  const seen = await adopt(...flags, ...more)
  expect(seen).toMatchObject({ code: 2, err: expect.stringContaining(says) })
  expect(stub.asked).toEqual([])
})

test('a name is looked for among all that is there, and what may be it is told up to a few', async () => {
  const many = Array.from({ length: 30 }, (_, i) => ({
    ...views.found,
    shortId: `U-${i}`,
    name: `x${i}`,
  }))
  // The page after the first has it.
  stub.answers['GET /v1/found'] = ({ path }: Asked) => ({
    body: path.endsWith('=crm')
      ? { items: many, next: 200 }
      : { items: path.endsWith('=crm&skip=200') ? [thing] : [], next: null },
  })
  expect(await adopt(...flags, '--yes')).toMatchObject({ code: 0 })
  write(node('postgres', 'another'))
  const { err } = await adopt(...flags, '--yes')
  expect(err).toMatch(/may be U-0 x0 at crm, .*U-8 x8 at crm\n/)
})

test('two that have the name are no guess', async () => {
  const both = { items: [thing, { ...thing, id: 'th_2', shortId: 'U-2' }] }
  stub.answers['GET /v1/found'] = ({ path }: Asked) => ({
    body: path.endsWith('=crm') ? both : { items: [] },
  })
  const { code, err } = await adopt(...flags, '--yes')
  expect(code).toBe(64)
  expect(err).toContain('may be U-7K2Q9 old bot at crm, U-2 old bot at crm')
  expect(changes()).toEqual([])
})

test('what is gone, and what is at a system of another kind, is not tied by its name', async () => {
  thing = { ...thing, state: 'gone' }
  expect((await adopt(...flags, '--yes')).err).toContain('no connected system shows it')
  thing = { ...thing, state: 'found' }
  write(node('slackApi', 'old bot'))
  expect((await adopt(...flags, '--yes')).err).toContain('no connected system shows it')
  expect(changes()).toEqual([])
})

test('where no system shows any of it, nothing is made', async () => {
  write(node('hubspotApi', 'HubSpot'))
  const seen = await adopt(...flags, '--account', 'HubSpot=none')
  expect(seen).toMatchObject({ code: 1, err: expect.stringContaining('No connected system shows') })
  expect(changes()).toEqual([])
})

test('an app that has a manifest keeps it: what to add is said', async () => {
  thing = { ...thing, state: 'leased', app: 'orders', isKnown: true }
  const purposes = [{ name: 'board', says: 'Shows', needs: [] }]
  stub.answers['GET /v1/apps/orders'] = {
    ...views.app,
    slug: 'orders',
    origin: 'adopted',
    purposes,
  }
  write(node('postgres', 'Old-Bot'), node('hubspotApi', 'HubSpot account'))
  const seen = await adopt('--account', 'HubSpot account=none')
  expect(seen).toMatchObject({
    code: 66,
    out: expect.stringContaining('n8n.hubspotapi-hubspot-account'),
  })
  expect(changes()).toEqual([])
})

test('an export without an account, one that is too large, and flags of an export without one are refused', async () => {
  write({ name: 'Wait', parameters: {} })
  expect(await adopt(...flags)).toMatchObject({ code: 1 })
  writeFileSync(join(world.home, 'export.json'), Buffer.alloc(5 * 1024 * 1024 + 1, 32))
  expect(await adopt(...flags)).toMatchObject({
    code: 2,
    err: expect.stringContaining('smaller file'),
  })
  const thingAlone = await run(world, 'adopt', 'U-7K2Q9', '--owner', 'Maya', '--app', 'x')
  expect(thingAlone).toMatchObject({ code: 2, err: expect.stringContaining('go with an export') })
  expect(changes()).toEqual([])
})
