/** The kit can say no: of a connector that believes what it is told, and of an excuse. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Target } from '../../../src/core/target/target.ts'
import { cases } from './cases.ts'
import { githubFixture } from './github.ts'
import { type KitFixture, reasonNot } from './kit.ts'

let kit: KitFixture
beforeAll(async () => {
  kit = await githubFixture()
})
afterAll(() => kit?.close())

const named = (name: string) => {
  const found = cases.find(one => one.name.startsWith(name))
  if (found === undefined) throw new Error(`no case ${name}`)
  return found
}
/** A target that does one thing worse than the real one. */
const worse = (change: Partial<Target>): KitFixture => ({
  ...kit,
  target: { ...kit.target, ...change },
  openAt: port => ({ ...kit.openAt(port), ...change }),
})

test('no two cases have one name', () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
})

test('a case that lacks something needs a reason, and one that lacks nothing takes none', () => {
  const lag = named('what ends 30 seconds late')
  expect(reasonNot(kit, lag)).toBeUndefined()
  const less = Object.fromEntries(
    Object.entries(kit.outside).filter(([name]) => name !== 'lag'),
  ) as unknown as KitFixture['outside']
  expect(() => reasonNot({ ...kit, outside: less }, lag)).toThrow(/it needs lag/)
  const excuse = { ...kit.notApplicable, [lag.name]: 'we would rather not' }
  expect(reasonNot({ ...kit, outside: less, notApplicable: excuse }, lag)).toMatch(/rather not/)
  expect(() => reasonNot({ ...kit, notApplicable: excuse }, lag)).toThrow(/all it needs is there/)
})

test('a case about the key of a lease needs a reason where leases have none, and only there', () => {
  const renewing = named('renewing moves the end')
  const keyless: KitFixture = { ...kit, traits: [...kit.traits, 'keyless'] }
  expect(reasonNot(kit, renewing)).toBeUndefined()
  expect(() => reasonNot(keyless, renewing)).toThrow(/it needs key/)
})

const gone = async () => ({
  listed: 'absent' as const,
  credential: 'refused' as const,
  probe: 'accepted' as const,
  sessions: 0,
  residue: [],
  paths: ['its word'],
  at: kit.clock.now(),
})

test.each([
  'a live credential is still there',
  'what says that it ended and stays',
  'what ends 30 seconds late',
  'what was made and never confirmed',
  'a refusal proves nothing',
  'a target that answers nothing',
  'a failure after it was made',
  'whatever the step at which making breaks off',
])('a connector that calls everything gone fails: %s', async name => {
  await expect(named(name).run(worse({ verifyGone: gone }))).rejects.toThrow(/./)
})

test.each([
  ['an end cuts what is open', { end: async () => {} }],
  ['ending twice is ending once', { end: async () => {} }],
  ['32 leases are issued and ended', { end: async () => {} }],
  ['more than a page is listed whole', { inventory: async () => ({ found: [], next: null }) }],
  ['a canary lives its whole life', { preflight: async () => ({ ok: true, steps: [] }) }],
  [
    'an admin credential that expired',
    { preflight: async () => ({ ok: true, steps: [{ name: 'made', ok: true }] }) },
  ],
])('a connector that only says so fails: %s', async (name, change) => {
  await expect(named(name).run(worse(change))).rejects.toThrow(/./)
})
