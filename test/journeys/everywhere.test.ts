/**
 * One app with leases in ten systems: a task that ends ends them all, and the certificate of the app's end
 * says of each what is known. A real PostgreSQL; the others are pretend systems that keep their own lists.
 */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addMs } from '../../src/core/base/time.ts'
import {
  gated,
  handed,
  type PretendSystems,
  slugOf,
  startPretendSystems,
  whole,
} from '../support/pretend-systems.ts'
import { makeApp } from './cli.ts'
import {
  attest,
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  startCompany,
  taskByHand,
} from './company.ts'

let company: Company
let systems: PretendSystems
/** And the real one. */
const gates = ['crm.deals', ...gated]

beforeAll(async () => {
  company = await startCompany({ target: true })
  const { clock } = company
  await connectSales(company)
  systems = await startPretendSystems(clock)
  const sam = company.as('sam')
  for (const [connector, config, slug, object] of systems.places) {
    const target = { slug: slugOf(connector), connector, config, production: false }
    const { body } = await expectStatus(201, sam('POST', '/v1/targets', target))
    if (body.preflightState !== 'passed') throw new Error(JSON.stringify(body))
    const owned = { columns: [], dataClass: 'internal', dataOwner: 'tom@acme.example' }
    await expectStatus(
      201,
      sam('POST', '/v1/resources', { slug, target: slugOf(connector), object, ...owned }),
    )
  }
  const named = { slug: whole, target: 'notion', object: { connection: true }, columns: [] }
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example' }
  await expectStatus(201, sam('POST', '/v1/resources', { ...named, ...owned }))
  for (const slug of ['desk', 'other']) await makeBoth(slug)
}, 180_000)
afterAll(async () => {
  await company?.stop()
  await systems?.close()
})

/** For Sam's own work by hand, and for its CI. */
async function makeBoth(slug: string): Promise<void> {
  const all = [...gates, ...handed, whole]
  await makeApp(
    company,
    slug,
    all.map(name => `${name}:read`),
  )
  const ci = { role: 'run', preset: 'github', issuer: company.github.issuer, reason: 'our CI' }
  const asked = { ...ci, claims: claimsOf(slug) }
  const { body } = await expectStatus(
    201,
    company.as('sam')('POST', `/v1/apps/${slug}/trust`, asked),
  )
  const yes = { says: 'yes', bodyHash: body.bodyHash }
  await expectStatus(200, company.as('tom')('POST', `/v1/requests/${body.id}/answer`, yes))
  await company.running.world.settle()
}

async function lease(task: string, resource: string, via = 'proxy') {
  const asked = { resource, actions: ['read'], via }
  const { body } = await expectStatus(201, company.as({ task })('POST', '/v1/leases', asked))
  return body as { lease: { id: string; target: string }; handle: { word?: string } }
}

test('a CI job has leases in five systems; all are told with its commit, and end with its task', async () => {
  const token = await attest(company, 'other')
  const leases = await Promise.all(gates.map(name => lease(token, name)))
  const workload = company.as({ task: token })
  const { task } = (await workload('GET', '/v1/me')).body
  const shown = (await company.as('sam')('GET', `/v1/tasks/${task.id}`)).body
  expect(shown.provenance.commit).toMatch(/^9f2c1a7/)
  expect(shown.leases.map((each: { id: string }) => each.id).sort()).toEqual(
    leases.map(each => each.lease.id).sort(),
  )
  await expectStatus(200, workload('POST', `/v1/tasks/${task.id}/close`))
  await company.running.world.runNow('leases')
  const after = (await company.as('sam')('GET', `/v1/tasks/${task.id}`)).body
  expect(after.leases.map((each: { state: string }) => each.state)).toEqual(gates.map(() => 'gone'))
  // A second job on the same runner has the first one's token and its words, and nothing of them opens.
  for (const each of leases) {
    const answer = await workload('GET', `/v1/leases/${each.lease.id}`)
    expect(answer.status).toBe(401)
  }
  const second = company.as({ task: await attest(company, 'other') })
  for (const each of leases)
    expect((await second('POST', `/v1/leases/${each.lease.id}/renew`)).status).not.toBe(200)
}, 60_000)

test('the end of an app with leases in nine systems says of each what is known', async () => {
  const token = await taskByHand(company, { identity: 'desk/run', run: crypto.randomUUID() })
  for (const name of [...gates, whole]) await lease(token, name)
  for (const name of handed) await lease(token, name, 'env')
  expect(systems.living().length).toBeGreaterThanOrEqual(4)

  const sam = company.as('sam')
  const plan = (await sam('POST', '/v1/apps/desk/end', {})).body
  const ended = await sam('POST', '/v1/apps/desk/end', { planHash: plan.planHash })
  expect([ended.status, ended.body.state]).toEqual([200, 'not-green'])
  type Item = { kind: string; system: string; state: string }
  const items: Item[] = (await sam('GET', '/v1/apps/desk/end')).body.items
  const open = items.filter(({ state }) => state !== 'verified-gone')
  expect(open.map(({ kind, system }) => [kind, system])).toEqual([['lease', 'notion']])
  const gone = items.filter(({ kind, state }) => kind === 'lease' && state === 'verified-gone')
  const named = ['crm', ...systems.places.map(([connector]) => slugOf(connector))]
  expect(gone.map(({ system }) => system).toSorted()).toEqual(named.toSorted())
  const { aws, gcp, azure, github } = systems
  // Their own lists say so as well; of GitHub what is left is what the server itself looks with.
  expect([...aws.living(), ...gcp.living(), ...azure.living()]).toEqual([])
  for (const { permissions } of github.living()) expect(permissions).toEqual({ metadata: 'read' })
  // Until somebody has ended it, it is on the list of what is left, for who may see the app.
  const left = async (who: 'sam' | 'eve') =>
    (await company.as(who)('GET', '/v1/residual')).body.items as object[]
  expect(await left('sam')).toEqual([
    expect.objectContaining({ app: 'desk', system: 'notion', turn: 'owner' }),
  ])
  expect(await left('eve')).toEqual([])
  company.clock.advance(10 * 24 * 3600_000)
  expect(await left('sam')).toEqual([expect.objectContaining({ turn: 'security' })])
  // Not green is not certified as if it were; the certificate names what is open.
  const { text } = await sam('GET', '/v1/apps/desk/certificate')
  const { predicate } = JSON.parse(Buffer.from(JSON.parse(text).payload, 'base64').toString())
  expect(predicate.state).toBe('not-green')
  const told = predicate.scope.systems.map(({ name }: { name: string }) => name)
  expect(told).toEqual(expect.arrayContaining(named))
}, 60_000)

test('what no API shows is said by a named person with a file, until they look again, and is not green', async () => {
  const sam = company.as('sam')
  const path = '/v1/apps/desk/evidence'
  const items = async () => (await sam('GET', '/v1/apps/desk/end')).body.items as Item[]
  type Item = { name: string; kind: string; system: string; state: string; because: string }
  const gone = 'verified-gone'
  const left = (await items()).find(each => each.system === 'notion' && each.state !== gone)
  // Its token still opens Notion.
  expect(left?.state).toBe('still-there')
  const file = randomBytes(2_000)
  const fileHash = createHash('sha256').update(file).digest('hex')
  const upload = (who: 'sam' | 'eve', hash: string, body: Buffer) =>
    company.raw(`${path}/${hash}`, { who, method: 'PUT', body: new Uint8Array(body) })
  const says = { item: left?.name ?? '', fileHash, says: 'Deleted it under Settings, Connections.' }
  // Refused: a file that is another, one that is too large, somebody else.
  await expectStatus(422, upload('sam', fileHash, randomBytes(10)))
  await expectStatus(413, upload('sam', fileHash, Buffer.alloc(5 * 1024 * 1024 + 1)))
  await expectStatus(404, upload('eve', fileHash, file))
  await expectStatus(200, upload('sam', fileHash, file))
  // Nor what we see. Its owner deletes it in Notion, and then nobody can tell but them.
  await expectStatus(409, sam('POST', path, says))
  systems.notion.deleteByHand()
  const { planHash } = (await sam('GET', '/v1/apps/desk/end')).body
  await expectStatus(200, sam('POST', '/v1/apps/desk/end', { planHash }))
  expect((await items()).find(({ name }) => name === left?.name)?.state).toBe('unreachable')
  await expectStatus(404, sam('POST', path, { ...says, fileHash: '0'.repeat(64) }))
  // Nor what is proven, nor for longer than 90 days, nor for a name that is nobody's.
  const proven = (await items()).find(({ state }) => state === gone)
  await expectStatus(409, sam('POST', path, { ...says, item: proven?.name ?? '' }))
  await expectStatus(404, sam('POST', path, { ...says, item: 'nobody' }))
  const far = addMs(company.clock.now(), 91 * 86_400_000)
  await expectStatus(422, sam('POST', path, { ...says, recheckAt: far }))

  const recheckAt = addMs(company.clock.now(), 30 * 86_400_000)
  const { body } = await expectStatus(200, sam('POST', path, { ...says, recheckAt }))
  expect(body.state).toBe('not-green')
  const said = (await items()).find(({ name }) => name === left?.name)
  expect(said?.state).toBe('manual-attested')
  expect(said?.because).toContain(`sha256 ${fileHash}`)
  expect(said?.because).toContain('Sam')
  const { text } = await sam('GET', '/v1/apps/desk/certificate')
  const { predicate } = JSON.parse(Buffer.from(JSON.parse(text).payload, 'base64').toString())
  expect(predicate.state).toBe('not-green')
  expect(predicate.items.filter((each: Item) => each.state === 'manual-attested')).toHaveLength(1)
  const residual = async () => (await sam('GET', '/v1/residual')).body.items[0].state
  expect(await residual()).toBe('manual-attested')
  // Its file is there for who may see the app, until somebody erases it; who said it stays.
  const shown = await sam('GET', `${path}/${fileHash}`)
  expect(shown.headers.get('content-disposition')).toBe('attachment')
  expect(Buffer.byteLength(shown.text)).toBeGreaterThan(0)
  expect((await company.as('eve')('GET', `${path}/${fileHash}`)).status).toBe(404)
  await expectStatus(403, sam('POST', `${path}/${fileHash}/erase`))
  await expectStatus(200, company.as('sue')('POST', `${path}/${fileHash}/erase`))
  await expectStatus(404, sam('GET', `${path}/${fileHash}`))
  expect((await sam('GET', path)).body.items).toEqual([
    expect.objectContaining({ system: 'notion', by: 'Sam', fileHash }),
  ])
  // Until the file of a certificate is there nobody is told that there is one.
  const { store } = company.running.world
  const certifiedAt = async () => (await sam('GET', '/v1/apps/desk/end')).body.certifiedAt
  expect(await certifiedAt()).toMatch(/^20/)
  await store.query('update offboarding_work set certificate = null')
  expect(await certifiedAt()).toBe(null)
  // Nobody fills the database with them: so many of an app and no more.
  await store.query(
    `insert into evidence_file select app.id, n::text, 'x' from app, generate_series(1, 100) as n
     where slug = 'desk'`,
  )
  await expectStatus(409, upload('sam', fileHash, file))
  // On its day it no longer counts.
  company.clock.advance(31 * 86_400_000)
  expect(await residual()).toBe('unreachable')
}, 60_000)
