/**
 * A system nobody foresaw, from its one file to the proven end of a key: connected by the command line, used
 * by a task through the gateway and without it. It keeps its own list, so what we say can be compared.
 */
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FakeKeyring, startFakeKeyring } from '../fakes/declared.ts'
import { fileOf, keyringConfig } from '../support/kit/declared.ts'
import { ended, homeOfSam, makeApp, start, told } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

let company: Company
let keyring: FakeKeyring
let home: string

beforeAll(async () => {
  company = await startCompany()
  keyring = await startFakeKeyring(company.clock)
  home = await homeOfSam(company)
  writeFileSync(join(home, 'keyring.yaml'), fileOf('keyring'))
  const { file: _, ...rest } = keyringConfig(keyring)
  const words = ['connect', 'declared', '--name', 'keyring', '--file', 'keyring.yaml']
  const { code, out } = await lh([...words, '--config', '-'], JSON.stringify(rest))
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('connected') })
  await rm(home, { recursive: true })
  const named = { slug: 'items', target: 'keyring', object: { project: 'deals' }, columns: [] }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, company.as('sam')('POST', '/v1/resources', { ...named, ...owned }))
  await makeApp(company, 'desk', ['items:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect(keyring.breaches).toEqual([])
  expect(keyring.living()).toEqual([])
  await keyring?.close()
})
beforeEach(async () => {
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

const lh = (words: readonly string[], input = '') => ended(start(home, words), input)

/** With what the command may say and ask. */
function run(flags: readonly string[], code: string) {
  const script = `const env = process.env
    const out = value => console.log(JSON.stringify(value))
    const ask = async (path, method = 'GET', header = 'authorization') => {
      const value = header === 'x-key' ? env.ITEMS_TOKEN : 'Bearer ' + env.ITEMS_TOKEN
      const answer = await fetch(env.ITEMS_URL + path, { method, headers: { [header]: value } })
      return { status: answer.status, body: await answer.json() }
    }
    ${code}`
  return told(home, ['--need', 'items:read', ...flags], script)
}

const lastLease = async () => {
  const [row] = await company.running.world.store.query<Record<string, unknown>>(
    'select state, outcome, evidence, principal from lease order by made_at desc limit 1',
  )
  return row
}
const outcome = async () => (await lastLease())?.['outcome']

describe('a task that needs something of it', () => {
  test('asks through the gateway by a word, and after it its key is gone by two ways', async () => {
    const [read, written, word] = await run(
      [],
      `out(await ask('/items')); out(await ask('/items', 'POST')); out(env.ITEMS_TOKEN)`,
    )
    expect(read).toEqual({ status: 200, body: { items: [] } })
    expect(written).toMatchObject({ status: 403, body: { code: 'denied' } })
    const [made] = [...keyring.keys.values()].slice(-1)
    expect(made).toMatchObject({ scopes: ['items.read'], project: 'deals' })
    expect(word).not.toContain('kr_')
    expect(keyring.seen.at(-1)).toMatchObject({ by: made?.label })
    const lease = await lastLease()
    expect(lease).toMatchObject({ outcome: 'verified-gone', principal: made?.label })
    expect(lease?.['evidence']).toMatchObject({
      listed: 'absent',
      credential: 'refused',
      probe: 'accepted',
    })
  })

  test('gets the key itself where a person asked for that, with the rights of its grant', async () => {
    const [read, written] = await run(
      ['--via', 'env'],
      `out(await ask('/items', 'GET', 'x-key')); out(await ask('/items', 'POST', 'x-key'))`,
    )
    expect(read.status).toBe(200)
    expect(written).toEqual({ status: 403, body: { error: 'not_allowed' } })
    expect(await outcome()).toBe('verified-gone')
  })

  test('is not over for us while the system lies about its end', async () => {
    keyring.ending = 'lies'
    await run([], `out(await ask('/items'))`)
    expect(await lastLease()).toMatchObject({ state: 'ending', outcome: null })
    keyring.ending = 'honest'
    company.clock.advance(10_000)
    await expect.poll(outcome, { timeout: 15_000 }).toBe('verified-gone')
    expect(keyring.living()).toEqual([])
  })

  test('whose key was made and lost is found by its name, and ended', async () => {
    const isMaking = (asked: string) => /^POST .*\/keys$/.test(asked)
    keyring.fault = asked => (isMaking(asked) ? { status: 500, isAfter: true } : undefined)
    await expect(run([], '')).rejects.toThrow(/^125 /)
    keyring.fault = () => undefined
    expect(keyring.living()).toHaveLength(1)
    company.clock.advance(13_000)
    await expect.poll(() => keyring.living().length, { timeout: 15_000 }).toBe(0)
  })

  test('leaves no key of ours or of a lease in answers, logs, or what is kept in the open', async () => {
    const { running, logged, as } = company
    const shown = await as('sam')('GET', '/v1/targets')
    const rows = await running.world.store.query<{ row: string }>(
      `select t::text as row from target t union all select s::text from target_config s
       union all select l::text from lease l union all select b::text from lease_salt b
       union all select e::text from ledger_entry e`,
    )
    expect(JSON.stringify(shown)).toContain('Keyring at 127.0.0.1')
    const texts = JSON.stringify([shown, logged, rows])
    for (const { token } of keyring.keys.values()) expect(texts).not.toContain(token)
    for (const secret of [keyring.adminToken, keyring.probe]) expect(texts).not.toContain(secret)
  })
})
