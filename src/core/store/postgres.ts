/** PostgreSQL by `pg`: the company's database. Refuses one that may lose acknowledged commits. */
import pg from 'pg'
import { Problem } from '../base/problem.ts'
import { instantFromText, safeInteger } from './pglite.ts'
import type { Store, TransactOptions, Tx } from './store.ts'

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format !== 'binary' && oid === 1184) return instantFromText
    if (format !== 'binary' && oid === 20) return safeInteger
    return format === 'binary' ? pg.types.getTypeParser(oid, format) : pg.types.getTypeParser(oid)
  },
}

/** `role` is taken on at every connection, so that no code path runs with the owner's rights. */
export async function openPostgres(options: {
  url: string
  maxConnections?: number
  role?: string
}): Promise<Store> {
  const role = options.role ?? 'leasehold_runtime'
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 10,
    types,
    application_name: 'leasehold',
    connectionTimeoutMillis: 5_000,
    options: '-c timezone=UTC -c synchronous_commit=on',
    onConnect: async client => {
      client.on('error', () => {})
      if (role !== '') await client.query(`set role ${role}`)
    },
  })
  pool.on('error', () => {})
  await checkServer(pool)
  return postgresStore(pool, options.url)
}

function postgresStore(pool: pg.Pool, url: string): Store {
  return {
    kind: 'postgres',
    query: async <Row>(text: string, params: readonly unknown[] = []) =>
      (await pool.query(text, [...params])).rows as Row[],
    transact: (work, options = {}) => transact(pool, work, options),
    listen: (channel, wake) => listen(url, channel, wake),
    close: () => pool.end(),
  }
}

async function transact<T>(
  pool: pg.Pool,
  work: (tx: Tx) => Promise<T>,
  options: TransactOptions,
): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query(beginText(options))
    const value = await work({
      isTransaction: true,
      query: async <Row>(text: string, params: readonly unknown[] = []) =>
        (await client.query(text, [...params])).rows as Row[],
    })
    const { command } = await client.query('commit')
    // A failed transaction answers its commit with ROLLBACK and no error.
    if (command !== 'COMMIT')
      throw new Problem('store-unavailable', {
        detail: 'The change was not kept.',
        next: 'Try again.',
      })
    return value
  } catch (thrown) {
    await client.query('rollback').catch((error: Error) => {
      broken = error
    })
    throw thrown
  } finally {
    client.release(broken)
  }
}

function beginText(options: TransactOptions): string {
  const modes = [
    options.isolation === 'repeatable read' ? 'isolation level repeatable read' : '',
    options.readOnly === true ? 'read only' : '',
  ].filter(mode => mode !== '')
  const role = options.role === 'sequencer' ? '; set local role leasehold_sequencer' : ''
  return `begin ${modes.join(', ')}${role}`
}

async function listen(url: string, channel: string, wake: (payload: string) => void) {
  const client = new pg.Client({ connectionString: url, application_name: 'leasehold-listen' })
  client.on('error', () => {})
  client.on('notification', message => wake(message.payload ?? ''))
  await client.connect()
  await client.query(`listen ${pg.escapeIdentifier(channel)}`)
  return () => client.end()
}

async function checkServer(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ version: number; sync: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('synchronous_commit') as sync`,
  )
  const server = rows[0]
  if (server === undefined || server.version < 150_000)
    throw new Problem('bad-configuration', {
      detail: 'DATABASE_URL must be PostgreSQL 15 or newer.',
      field: 'DATABASE_URL',
    })
}
