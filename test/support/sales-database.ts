/**
 * A real PostgreSQL with a small sales database and the connector's roles, made by the recipe that
 * the documentation shows; and the connector's configuration for it.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { PostgresConfig } from '../../connectors/postgres/config.ts'
import { recipeSql, tableSql } from '../../connectors/postgres/recipe.ts'
import { scramVerifier } from '../../connectors/postgres/scram.ts'
import { addSeconds, systemClock } from '../../src/core/base/time.ts'
import type { IssueOrder } from '../../src/core/target/target.ts'
import { type RunningPostgres, startPostgres } from '../fakes/postgres.ts'

export interface SalesDatabase {
  readonly server: RunningPostgres
  /** What a person would write to connect it. */
  readonly config: Omit<PostgresConfig, 'tls'>
  readonly deals: { readonly database: string; readonly schema: string; readonly table: string }
  /** As the superuser, who is not the connector. */
  readonly ask: <Row>(text: string, params?: unknown[], database?: string) => Promise<Row[]>
  stop(): Promise<void>
}

/** Databases: `crm` (administered), `billing` (further), `island` (nobody told the connector of it). */
export async function startSalesDatabase(
  settings: Record<string, string> = {},
): Promise<SalesDatabase> {
  const server = await startPostgres({ fsync: false, settings })
  const pools = new Map<string, pg.Pool>()
  const ask = async <Row>(text: string, params?: unknown[], database = 'crm') => {
    const pool = pools.get(database) ?? openPool(server.url(database))
    pools.set(database, pool)
    return (await pool.query(text, params)).rows as Row[]
  }
  for (const name of ['crm', 'billing', 'island'])
    await ask(`create database ${name}`, [], 'postgres')
  await ask(tables)
  const deals = { database: 'crm', schema: 'crm', table: 'deals' }
  const names = { user: 'leasehold', probe: 'leasehold_probe' }
  await ask(recipeSql({ ...names, databases: ['crm', 'billing'] }))
  await ask(tableSql(names.user, deals, ['read', 'write', 'destroy']))
  const [password, probePassword] = [newSecret(), newSecret()]
  await ask(`alter role leasehold password '${await scramVerifier(password)}'`)
  await ask(`alter role leasehold_probe password '${await scramVerifier(probePassword)}'`)
  return {
    server,
    deals,
    ask,
    config: {
      host: server.host,
      port: server.port,
      database: 'crm',
      user: names.user,
      password,
      databases: ['billing'],
      probe: { user: names.probe, password: probePassword },
    },
    async stop() {
      await Promise.all([...pools.values()].map(pool => pool.end()))
      await server.stop()
    },
  }
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A lease nobody asked for before: fresh names, fresh secret, two columns of the deals. */
export function leaseOrder(sales: SalesDatabase, change: Partial<IssueOrder> = {}): IssueOrder {
  const id = randomBytes(8).toString('hex')
  const now = systemClock.now()
  return {
    principal: `lh_t_${id}`,
    holder: `lhg_t_${id}`,
    owner: `lho_t_${id}`,
    object: sales.deals,
    actions: ['read'],
    columns: ['id', 'name'],
    secret: newSecret(),
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
    ...change,
  }
}

/** A session as the holder of that credential has it. The caller ends it. */
export async function signInAs(
  sales: SalesDatabase,
  order: Pick<IssueOrder, 'principal' | 'secret'>,
  database = 'crm',
): Promise<pg.Client> {
  const { host, port } = sales.server
  const { principal: user, secret: password } = order
  const client = new pg.Client({ host, port, database, user, password })
  client.on('error', () => {})
  await client.connect()
  return client
}

function openPool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 4 })
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}

const tables = `
  create schema crm;
  create table crm.deals (
    id int generated always as identity primary key, name text, stage text, amount numeric,
    email text, phone text);
  insert into crm.deals (name, stage, amount, email, phone)
    select 'deal ' || n, 'open', n * 100, 'person' || n || '@example.com', '555-01' || n
    from generate_series(1, 20) n;
  create table crm.contacts (id int primary key, email text);`
