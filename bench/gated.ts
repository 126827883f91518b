/**
 * The server in a process of its own with one target behind its gateway and a live lease on it, for the
 * benches that go through a tunnel: `node bench/gated.ts sales`, or `… web URL` for an API.
 */
import { scramVerifier } from '../connectors/postgres/scram.ts'
import {
  type Company,
  connectSales,
  expectStatus,
  startCompany,
  taskByHand,
} from '../test/journeys/company.ts'
import { newSecret } from '../test/support/sales-database.ts'
import { serveBench } from './child.ts'

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

if (import.meta.main) {
  const [, , kind, url = ''] = process.argv
  const company = await startCompany({ target: kind === 'sales' })
  const says = kind === 'sales' ? await openSales(company) : await openWeb(company, url)
  serveBench(says, () => company.stop())
}

async function openSales(company: Company): Promise<SalesSays> {
  await connectSales(company)
  const { sales } = company
  if (sales === undefined) throw new Error('the company has a target')
  const { says, user = '' } = await leaseOn(company, 'crm.deals')
  // As many as pgbench has in its smallest table, so that one is looked up and not all are read.
  await sales.ask(
    `insert into crm.deals (name) select 'deal ' || n from generate_series(21, $1) n`,
    [manyDeals],
  )
  await sales.ask('vacuum analyze crm.deals')
  const password = newSecret()
  await sales.ask(`create role bench_direct login password '${await scramVerifier(password)}'`)
  await sales.ask('grant usage on schema crm to bench_direct')
  await sales.ask('grant select (id, name) on crm.deals to bench_direct')
  const { pid, port } = sales.server
  return { ...says, user, deals: manyDeals, direct: { pid, port, user: 'bench_direct', password } }
}

async function openWeb(company: Company, url: string): Promise<GatedSays> {
  const sam = company.as('sam')
  const credential = { header: 'authorization', value: `Bearer ${newSecret()}` }
  const target = { slug: 'api', connector: 'http', config: { url, credential }, production: false }
  await expectStatus(201, sam('POST', '/v1/targets', target))
  const owned = { dataClass: 'internal', dataOwner: 'tom@acme.example', columns: [] }
  const resource = { slug: 'api', target: 'api', object: {}, ...owned }
  await expectStatus(201, sam('POST', '/v1/resources', resource))
  return (await leaseOn(company, 'api')).says
}

/** An app of Sam that may read it, and a lease of a task of his. */
async function leaseOn(
  company: Company,
  resource: string,
): Promise<{ says: GatedSays; user: string | undefined }> {
  const { as, running } = company
  const [sam, tom] = [as('sam'), as('tom')]
  const app = { slug: 'bench', purpose: 'is measured', backup: 'tom@acme.example', days: 5 }
  await expectStatus(201, sam('POST', '/v1/apps', app))
  const needs = `    needs:\n      - resource: ${resource}\n        actions: [read]\n`
  const yaml = `app: bench\npurposes:\n  look:\n    says: Looks\n${needs}`
  await expectStatus(200, sam('PUT', '/v1/apps/bench/manifest', { yaml }))
  const trust = { role: 'run', preset: 'person', claims: { as: ['owner'] }, reason: 'by hand' }
  await expectStatus(201, sam('POST', '/v1/apps/bench/trust', trust))
  const grant = { app: 'bench', resource, actions: ['read'], reason: 'to look' }
  const asked = (await expectStatus(201, sam('POST', '/v1/requests', grant))).body
  const yes = { says: 'yes', bodyHash: asked.bodyHash }
  await expectStatus(200, tom('POST', `/v1/requests/${asked.id}/answer`, yes))
  await running.world.settle()
  const token = await taskByHand(company, { identity: 'bench/run', run: crypto.randomUUID() })
  const issued = as({ task: token })('POST', '/v1/leases', { resource, actions: ['read'] })
  const { lease, handle } = (await expectStatus(201, issued)).body
  const path = `/v1/leases/${lease.id}/tunnel`
  const says = { address: running.address, path, token, word: handle.word }
  return { says, user: handle.connect.user }
}
