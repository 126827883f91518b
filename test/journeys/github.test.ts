/**
 * A token of GitHub for one task: the real command line and the real server, and a pretend GitHub that
 * keeps its own list. Through the gateway the command has a word; asked for by a person, the token.
 */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { endingRights } from '../../connectors/github/ending.ts'
import { takeInventory } from '../../src/life/drift/inventory.ts'
import { type FakeGithub, startFakeGithub } from '../fakes/github.ts'
import { homeOfSam, makeApp, told } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

let company: Company
let github: FakeGithub
let home: string

beforeAll(async () => {
  company = await startCompany()
  const { clock } = company
  github = await startFakeGithub(clock)
  const sam = company.as('sam')
  const target = { slug: 'code', connector: 'github', config: github.config, production: false }
  await expectStatus(201, sam('POST', '/v1/targets', target))
  const permissions = { read: { contents: 'read' }, write: { issues: 'write' } }
  const object = { repository: 'acme/deal-desk', id: 1001, permissions }
  const named = { slug: 'code', target: 'code', object, columns: [] }
  const whole = { repository: 'acme/site', id: 1003, ends: true, permissions }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, sam('POST', '/v1/resources', { ...named, ...owned }))
  const site = { ...named, ...owned, slug: 'site', object: whole }
  await expectStatus(201, sam('POST', '/v1/resources', site))
  await makeApp(company, 'desk', ['code:read', 'site:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect(github.breaches).toEqual([])
  // Of ours as well: the server ended what it had for its own looks.
  expect(github.living()).toEqual([])
  await github?.close()
})

beforeEach(async () => {
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

/** With what the command may say and ask. */
function run(flags: readonly string[], code: string, need = 'code:read') {
  const script = `const env = process.env
    const out = value => console.log(JSON.stringify(value))
    const ask = async (path, method = 'GET', token = env.GITHUB_TOKEN) => {
      const headers = { authorization: 'Bearer ' + token, 'content-type': 'application/json' }
      const body = method === 'POST' ? { body: JSON.stringify({ name: 'new' }) } : {}
      const answer = await fetch(env.GITHUB_API_URL + path, { method, headers, ...body })
      return { status: answer.status, body: await answer.json() }
    }
    ${code}`
  return told(home, ['--need', need, ...flags], script)
}

const desk = '/repos/acme/deal-desk'
const ofLeases = () => [...github.tokens.values()].filter(each => each.repositoryIds !== null)
/** What GitHub itself says to it, now. */
const askGithub = async (value: string) => {
  const headers = { authorization: `Bearer ${value}` }
  return (await fetch(`${github.url}${desk}`, { headers })).status
}
const lastLease = async () => {
  const [row] = await company.running.world.store.query<Record<string, unknown>>(
    'select state, outcome, evidence from lease order by made_at desc limit 1',
  )
  return row
}

describe('a task that needs a repository', () => {
  test('asks GitHub through the gateway by a word, and after it its token is refused there', async () => {
    const [read, raised, elsewhere, word] = await run(
      [],
      `out(await ask('${desk}/branches'))
       out(await ask('${desk}/labels', 'POST'))
       out(await ask('/repos/acme/billing/branches'))
       out(env.GITHUB_TOKEN)`,
    )
    expect(read).toMatchObject({ status: 200, body: [{ name: 'main' }] })
    // What nobody granted stays with us; what is of another repository GitHub refuses.
    expect(raised).toMatchObject({ status: 403, body: { code: 'denied' } })
    expect(elsewhere.status).toBe(404)
    expect(github.seen.filter(({ asked }) => asked.startsWith('POST /repos'))).toEqual([])
    const [made, ...more] = ofLeases()
    expect(more).toEqual([])
    expect(made).toMatchObject({ repositoryIds: [1001] })
    expect(made?.permissions).toEqual({ metadata: 'read', contents: 'read' })
    expect(word).not.toContain('ghs_')
    expect(await askGithub(made?.value ?? '')).toBe(401)
    expect(await lastLease()).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
  })

  test('gets the token itself where a person asked for that, and then it is refused as well', async () => {
    github.isStateless = true
    const [read, held] = await run(
      ['--via', 'env'],
      `out(await ask('${desk}/branches')); out({ token: env.GITHUB_TOKEN, url: env.GITHUB_API_URL })`,
    )
    expect(read.status).toBe(200)
    expect(held.url).toBe(github.url)
    expect(held.token).toBe(ofLeases().at(-1)?.value)
    expect(held.token.length).toBeGreaterThan(500)
    expect(await askGithub(held.token)).toBe(401)
    const lease = await lastLease()
    expect(lease).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
    expect(lease?.['evidence']).toMatchObject({ credential: 'refused', probe: 'accepted' })
  })

  test('is not over for us while GitHub still takes its token, whatever it answered', async () => {
    github.ending = 'lies'
    await run([], `out(await ask('${desk}/branches'))`)
    expect(await lastLease()).toMatchObject({ state: 'ending', outcome: null })
    github.ending = 'honest'
    company.clock.advance(10_000)
    await expect
      .poll(async () => (await lastLease())?.['outcome'], { timeout: 15_000 })
      .toBe('verified-gone')
    expect(
      ofLeases().filter(({ value }) => github.living().some(one => one.value === value)),
    ).toEqual([])
  })

  test('costs GitHub nothing while we look for names of ours, which no token has', async () => {
    const before = github.seen.length
    expect(await takeInventory(company.running.world)).toEqual([])
    expect(github.seen).toHaveLength(before)
  })

  test('leaves no token and no key in logs, answers, or what is kept in the open', async () => {
    const { running, logged, as } = company
    const shown = await as('sam')('GET', '/v1/targets')
    const rows = await running.world.store.query<{ row: string }>(
      `select t::text as row from target t union all select s::text from target_config s
       union all select l::text from lease l union all select b::text from lease_salt b
       union all select e::text from ledger_entry e`,
    )
    const texts = JSON.stringify([shown, logged, rows])
    expect(rows.length).toBeGreaterThan(5)
    for (const { value } of github.tokens.values()) expect(texts).not.toContain(value)
    expect(texts).not.toContain('PRIVATE KEY')
  })

  test('on a repository that ends is its end: archived, nothing in it, and said to be kept', async () => {
    const site = github.repositories.find(({ name }) => name === 'site')
    Object.assign(site ?? {}, { keys: [{ id: 3, title: 'server', key: 'ssh-ed25519 AAAA' }] })
    // What the App may not end is not lent.
    await expect(run([], `out(1)`, 'site:read')).rejects.toThrow(/actions: write/)
    expect(site?.archived).toBeUndefined()
    Object.assign(github.installation.permissions, endingRights)
    const [read] = await run([], `out(await ask('/repos/acme/site/branches'))`, 'site:read')
    expect(read.status).toBe(200)
    await expect
      .poll(async () => (await lastLease())?.['outcome'], { timeout: 15_000 })
      .toBe('verified-gone')
    expect(site).toMatchObject({ archived: true, keys: [] })
    expect((await lastLease())?.['evidence']).toMatchObject({
      residue: [],
      because: expect.stringContaining('kept, archived'),
    })
    const [other] = github.repositories
    expect(other?.archived).toBeUndefined()
  })

  // Last: an hour and more goes by.
  test('whose token was made and lost is not called gone while that can live, and then never made', async () => {
    const before = ofLeases().length
    github.fault = asked =>
      asked.endsWith('access_tokens') ? { status: 500, isAfter: true } : undefined
    await expect(run([], '')).rejects.toThrow(/^125 /)
    github.fault = () => undefined
    expect(ofLeases()).toHaveLength(before + 1)
    const isLiving = () => github.living().some(each => each.repositoryIds !== null)
    company.clock.advance(13_000)
    await expect
      .poll(async () => (await lastLease())?.['evidence'], { timeout: 15_000 })
      .toMatchObject({ listed: 'unknown', because: expect.stringContaining('lists no tokens') })
    expect(await lastLease()).toMatchObject({ state: 'ending', outcome: null })
    expect(isLiving()).toBe(true)
    company.clock.advance(3_600_000 + 310_000)
    await expect
      .poll(async () => (await lastLease())?.['outcome'], { timeout: 15_000 })
      .toBe('never-made')
    expect(isLiving()).toBe(false)
  })
})
