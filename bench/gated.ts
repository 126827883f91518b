/**
 * The server in a process of its own with one target behind its gateway and a live lease on it, for the
 * benches that go through a tunnel: `node bench/gated.ts sales`, `… web URL` for an API, or `… both URL`.
 */
import { scramVerifier } from '../connectors/postgres/scram.ts'
import { signInLink } from '../demo/people.ts'
import {
  type Company,
  connectSales,
  expectStatus,
  startCompany,
  taskByHand,
} from '../test/journeys/company.ts'
import { newSecret } from '../test/support/sales-database.ts'
import { serveBench } from './child.ts'
import type { Holder } from './holds.ts'

export interface GatedSays {
  readonly address: string
  /** Of the tunnel, and what both ends of it want to be shown. */
  readonly path: string
  readonly token: string
  readonly word: string
}

export interface SalesSays extends GatedSays {
  readonly user: string
  /** Deals there are, numbered from 1. */
  readonly deals: number
  /** The database itself: its process, and a role with the rights of the lease and no more. */
  readonly direct: {
    readonly pid: number
    readonly port: number
    readonly user: string
    readonly password: string
  }
}

const manyDeals = 100_000
const slug = 'bench'

/** Both targets, one app, and who may hold it. */
export interface BothSays {
  readonly sales: SalesSays
  readonly web: GatedSays
  readonly holder: Holder
}

if (import.meta.main) {
  const [, , kind, url = ''] = process.argv
  const company = await startCompany({ target: kind !== 'web' })
  const open = { sales: openSales, web: openWeb, both: openBoth }[kind ?? ''] ?? openBoth
  serveBench(await open(company, url), () => company.stop())
}

async function openSales(company: Company): Promise<SalesSays> {
  const direct = await connectMany(company)
  const [sales] = await leasesOn(company, ['crm.deals'])
  return salesSays(sales, direct)
}

async function openWeb(company: Company, url: string): Promise<GatedSays> {
  await connectApi(company, url)
  const [web] = await leasesOn(company, ['api'])
  if (web === undefined) throw new Error('there is a lease')
  return web.says
}

async function openBoth(company: Company, url: string): Promise<BothSays> {
  const direct = await connectMany(company)
  await connectApi(company, url)
  const [sales, web] = await leasesOn(company, ['crm.deals', 'api'])
  if (web === undefined) throw new Error('there is a lease')
  const { running } = company
  const { issuer, address } = running
  const { token } = await signInLink(issuer, address, await running.signInLink())
  return { sales: salesSays(sales, direct), web: web.says, holder: { address, token, app: slug } }
}

function salesSays(leased: Leased | undefined, direct: SalesSays['direct']): SalesSays {
  if (leased?.user === undefined) throw new Error('a lease of the database has a user')
  return { ...leased.says, user: leased.user, deals: manyDeals, direct }
}

/** As many as pgbench has in its smallest table, so that one is looked up and not all are read. */
async function connectMany(company: Company): Promise<SalesSays['direct']> {
  await connectSales(company)
  const { sales } = company
  if (sales === undefined) throw new Error('the company has a target')
  const more = "insert into crm.deals (name) select 'deal ' || n from generate_series(21, $1) n"
  await sales.ask(more, [manyDeals])
  await sales.ask('vacuum analyze crm.deals')
  const password = newSecret()
  await sales.ask(`create role bench_direct login password '${await scramVerifier(password)}'`)
  await sales.ask('grant usage on schema crm to bench_direct')
  await sales.ask('grant select (id, name) on crm.deals to bench_direct')
  const { pid, port } = sales.server
  return { pid, port, user: 'bench_direct', password }
}

async function connectApi({ as }: Company, url: string): Promise<void> {
  const credential = { header: 'authorization', value: `Bearer ${newSecret()}` }
  const target = { slug: 'api', connector: 'http', config: { url, credential }, production: false }
  await expectStatus(201, as('sam')('POST', '/v1/targets', target))
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns: [] }
  const resource = { slug: 'api', target: 'api', object: {}, ...owned }
  await expectStatus(201, as('sam')('POST', '/v1/resources', resource))
}

interface Leased {
  readonly says: GatedSays
  readonly user: string | undefined
}

/** An app of Sam that may read these, and leases of one task of his. */
async function leasesOn(company: Company, resources: readonly string[]): Promise<Leased[]> {
  const { as, running } = company
  const [sam, tom] = [as('sam'), as('tom')]
  const app = { slug, purpose: 'is measured', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', app))
  const needs = resources.map(each => `      - resource: ${each}\n        actions: [read]\n`)
  const yaml = `app: ${slug}\npurposes:\n  look:\n    says: Looks\n    needs:\n${needs.join('')}`
  await expectStatus(200, sam('PUT', `/v1/apps/${slug}/manifest`, { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', `/v1/apps/${slug}/trust`, trust))
  for (const resource of resources) {
    const grant = { app: slug, resource, actions: ['read'], reason: 'to look' }
    const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
    const yes = { says: 'yes', bodyHash: asked.bodyHash }
    await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  }
  await running.world.settle()
  const run = crypto.randomUUID()
  const token = await taskByHand(company, { identity: `${slug}/run`, run })
  const leased: Leased[] = []
  for (const resource of resources) {
    const issued = as({ task: token })('POST', '/v1/leases', { resource, actions: ['read'] })
    const { lease, handle } = (await expectStatus(201, issued)).body
    const path = `/v1/leases/${lease.id}/tunnel`
    const says = { address: running.address, path, token, word: handle.word }
    leased.push({ says, user: handle.connect.user })
  }
  return leased
}
