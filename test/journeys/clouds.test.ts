/**
 * A token of Google Cloud and one of Azure for one task: the real command line and the real server, and
 * pretend clouds that keep their own lists. Where a person asked for it the command holds the token; after
 * it, neither cloud takes it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accountId } from '../../connectors/gcp/names.ts'
import { takeInventory } from '../../src/life/drift/inventory.ts'
import { newApp, newPrincipal } from '../fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../fakes/azure.ts'
import { newAccount } from '../fakes/gcp/state.ts'
import { type FakeGcp, startFakeGcp } from '../fakes/gcp.ts'
import { homeOfSam, makeApp } from './cli.ts'
import { type Company, expectStatus, startCompany } from './company.ts'

const main = resolve(import.meta.dirname, '../../cli/src/main.ts')
let company: Company
let gcp: FakeGcp
let azure: FakeAzure
let home: string

beforeAll(async () => {
  company = await startCompany()
  const { clock } = company
  gcp = await startFakeGcp(clock)
  azure = await startFakeAzure(clock)
  const sam = company.as('sam')
  const { subscription } = azure
  const group = { subscription, resourceGroup: 'deals', roles: { read: ['Reader'] } }
  const places = [
    {
      target: 'google',
      connector: 'gcp',
      config: gcp.config,
      slug: 'files',
      object: { bucket: 'acme-deals' },
    },
    { target: 'azure', connector: 'azure', config: azure.config, slug: 'group', object: group },
  ]
  for (const { target: slug, connector, config } of places) {
    const target = { slug, connector, config, production: false }
    await expectStatus(201, sam('POST', '/v1/targets', target))
  }
  const owned = { columns: [], dataClass: 'internal', dataOwner: 'tom@acme.example' }
  for (const { slug, target, object } of places)
    await expectStatus(201, sam('POST', '/v1/resources', { slug, target, object, ...owned }))
  await makeApp(company, 'desk', ['files:read', 'group:read'])
}, 120_000)
afterAll(async () => {
  await company?.stop()
  expect([...gcp.breaches, ...azure.breaches]).toEqual([])
  expect([...gcp.living(), ...azure.living()]).toEqual([])
  await gcp?.close()
  await azure?.close()
})

beforeEach(async () => {
  home = await homeOfSam(company)
  return () => rm(home, { recursive: true })
})

/** The token that the command held, once it was let in with it. */
async function run(resource: string, path: string): Promise<string> {
  const name = resource.toUpperCase()
  const script = `const { ${name}_TOKEN: token, ${name}_URL: url } = process.env
    const answer = await fetch(url + '${path}', { headers: { authorization: 'Bearer ' + token } })
    console.log(JSON.stringify({ token, status: answer.status }))`
  const words = ['run', '--as', 'desk', '--need', `${resource}:read`, '--via', 'env', '--']
  const args = [main, ...words, process.execPath, '--input-type=module', '-e', script]
  const env = { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' }
  const child = spawn(process.execPath, args, { cwd: home, env })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${code} ${stderr} ${stdout}`)
  const said = JSON.parse(stdout) as { token: string; status: number }
  expect(said.status).toBe(200)
  return said.token
}

async function lastLease() {
  const [row] = await company.running.world.store.query<Record<string, unknown>>(
    'select state, outcome, evidence from lease order by made_at desc limit 1',
  )
  return row
}
const bucket = '/storage/v1/b/acme-deals/o/deal'
const group = () =>
  `/subscriptions/${azure.subscription}/resourceGroups/deals/resources?api-version=2022-12-01`
const statusOf = async (url: string, held: string) =>
  (await fetch(url, { headers: { authorization: `Bearer ${held}` } })).status

describe('a task in the clouds', () => {
  test('reads a bucket with a token of its own, which Google refuses after it', async () => {
    const held = await run('files', bucket)
    expect(await statusOf(`${gcp.url}${bucket}`, held)).toBe(401)
    const lease = await lastLease()
    expect(lease).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
    expect(lease?.['evidence']).toMatchObject({ credential: 'refused', probe: 'accepted' })
    expect(JSON.stringify(gcp.policies.get('bucket acme-deals'))).not.toMatch(/serviceAccount:lh-/)
  })

  test('reads a resource group with a token of its own, which opens nothing there after it', async () => {
    const held = await run('group', group())
    expect(await statusOf(`${azure.url}${group()}`, held)).toBe(403)
    const lease = await lastLease()
    expect(lease).toMatchObject({ state: 'gone', outcome: 'verified-gone' })
    // Of the grant one application is left, and of the lease none, nor among what was deleted.
    expect([...azure.apps.values()].map(each => each.uniqueName?.slice(0, 4))).toEqual(['lhg_'])
  })

  test('is not over for us while a cloud still takes its token, whatever it answered', async () => {
    for (const [cloud, resource, path] of [
      [gcp, 'files', bucket],
      [azure, 'group', group()],
    ] as const) {
      cloud.ending = 'lies'
      await run(resource, path)
      expect(await lastLease()).toMatchObject({ state: 'ending', outcome: null })
      cloud.ending = 'honest'
      company.clock.advance(10_000)
      await expect
        .poll(async () => (await lastLease())?.['outcome'], { timeout: 15_000 })
        .toBe('verified-gone')
    }
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
    for (const value of [...gcp.tokens.keys(), ...azure.tokens]) expect(texts).not.toContain(value)
    for (const secret of ['PRIVATE KEY', azure.config.clientSecret])
      expect(texts).not.toContain(secret)
  })

  test('finds what is there under our name and is no lease, and stops it', async () => {
    const { world } = company.running
    expect(await takeInventory(world)).toEqual([])
    const [row] = await world.store.query<{ principal: string }>(
      'select principal from lease limit 1',
    )
    const name = `${row?.principal.slice(0, row.principal.lastIndexOf('_'))}_stranger`
    const account = newAccount(gcp, accountId(name), { displayName: name })
    const notes = JSON.stringify({
      of: 'lhg_x',
      at: `/subscriptions/${azure.subscription}/resourceGroups/deals`,
    })
    newPrincipal(azure, newApp(azure, { displayName: name, uniqueName: name, notes }))
    expect(await takeInventory(world)).toEqual([name, name])
    expect(account.disabled).toBe(true)
    gcp.accounts.delete(account.email)
    azure.apps.clear()
  })
})
