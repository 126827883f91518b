/**
 * PostgreSQL by `pg`: the company's database. Every connection is the runtime role from its first
 * byte on, by a setting of the session that even `reset all` comes back to.
 */
import pg from 'pg'
import { limits } from '../base/limits.ts'
import { Problem, problemOf } from '../base/problem.ts'
import { beginText, instantFromText, oids, type Send, safeInteger, txOver } from './driver.ts'
import { translate, unavailable } from './fault.ts'
import { listen } from './listen.ts'
import type { Store, TransactOptions, Tx } from './store.ts'

export interface PostgresOptions {
  readonly url: string
  /**
   * The role each session takes on, and what the server's `synchronous_commit` was found to be: pinned, so
   * that nobody can turn it off later. The owner (migrations) has neither.
   */
  readonly session?: { readonly role: 'leasehold_runtime'; readonly synchronous_commit: string }
  readonly connections: number
  /** Connections kept apart for ending; without it `ending` is the store itself. */
  readonly endingConnections?: number
}

export function openPostgres(options: PostgresOptions): Store {
  const main = openPool(options, options.connections)
  if (options.endingConnections === undefined) return main
  const ending = openPool(options, options.endingConnections)
  const close = async () => {
    await Promise.all([main.close(), ending.close()])
  }
  return { ...main, ending, close }
}

function openPool(options: PostgresOptions, connections: number): Store {
  const pool = new pg.Pool(poolConfig(options, connections))
  // A dead connection is noticed by the next query; without a listener it would end the process.
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  const texts = new Map<string, string | undefined>()
  const store: Store = {
    query: <Row>(text: string, params: readonly unknown[] = []) =>
      withClient(pool, async client => rowsOf<Row>(await client.query(hot(texts, text, params)))),
    async transact(work, how = {}) {
      const ended = await withClient(pool, client => transact(client, texts, work, how))
      if ('undone' in ended) throw translate(ended.undone)
      return ended.value
    },
    listen: (channel, wake) => listen(clientConfig(options), channel, wake),
    get ending() {
      return store
    },
    // Autovacuum does it.
    tend: async () => {},
    close: () => pool.end(),
  }
  return store
}

/** One connection for `work`. A connection that may be in an unknown state is not used again. */
async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>) {
  let client: pg.PoolClient | undefined
  let isBroken = false
  try {
    client = await pool.connect()
    return await work(client)
  } catch (thrown) {
    const ours = translate(thrown)
    isBroken = !(thrown instanceof pg.DatabaseError) || ours instanceof Problem
    throw ours
  } finally {
    client?.release(isBroken)
  }
}

/** `undone`: why, once the rollback was answered and the connection is as before. */
type Ended<T> = { readonly value: T } | { readonly undone: unknown }

async function transact<T>(
  client: pg.PoolClient,
  texts: Map<string, string | undefined>,
  work: (tx: Tx) => Promise<T>,
  options: TransactOptions,
): Promise<Ended<T>> {
  const send: Send = async <Row>(text: string, params: readonly unknown[]) =>
    rowsOf<Row>(await ask(client, hot(texts, text, params)))
  const start = beginText('begin', options)
  let begun: Promise<unknown> | undefined
  let isOpen = false
  let hasWritten = false
  const begin = () => (begun ??= ask(client, start).then(() => (isOpen = true)))
  const sendBegun: Send = async <Row>(text: string, params: readonly unknown[]) => {
    hasWritten ||= !reading.test(text)
    try {
      const opening = begin()
      // INVARIANT: before the answer to `begin` nothing is sent but what reads. Sent ahead of it, a
      // write would commit by itself where `begin` alone was cancelled.
      if (isOpen || hasWritten) await opening
      return (await Promise.all([send<Row>(text, params), opening]))[0]
    } catch (thrown) {
      throw translate(thrown)
    }
  }
  const { tx, last } = txOver(sendBegun, send)
  try {
    const value = await work(tx)
    // One statement alone is a transaction by itself.
    if (begun === undefined && last.length <= 1 && start === 'begin')
      for (const run of last) await run()
    else await commit(client, begin, last)
    return { value }
  } catch (thrown) {
    if (begun === undefined) throw thrown
    const isUndone = await ask(client, 'rollback').then(
      () => true,
      () => false,
    )
    if (isUndone) return { undone: thrown }
    throw thrown
  }
}

const reading = /^\s*select\b/i

/** What is asked in one turn of the event loop leaves in one packet. */
function ask(client: pg.PoolClient, query: pg.QueryConfig | string): Promise<pg.QueryResult> {
  const { stream } = client.connection
  stream.cork()
  process.nextTick(() => stream.uncork())
  return client.query(query)
}

async function commit(
  client: pg.PoolClient,
  begin: () => Promise<unknown>,
  last: readonly (() => Promise<void>)[],
): Promise<void> {
  await begin()
  const sent = last.map(run => run())
  for (const each of sent) each.catch(() => {})
  const committed = ask(client, 'commit')
  committed.catch(() => {})
  for (const each of sent) await each
  // A failed transaction answers its commit with ROLLBACK and no error.
  if ((await committed).command !== 'COMMIT') throw unavailable('the commit was a rollback')
}

/** A text seen before is prepared once per connection under a name: parsing costs more than running. */
function hot(texts: Map<string, string | undefined>, text: string, params: readonly unknown[]) {
  const values = [...params]
  if (!texts.has(text)) {
    if (texts.size < limits.preparedTexts) texts.set(text, undefined)
    return { text, values }
  }
  const name = texts.get(text) ?? `s${preparedCount++}`
  texts.set(text, name)
  return { name, text, values }
}

let preparedCount = 0

function rowsOf<Row>(result: pg.QueryResult): Row[] {
  return result.rows as Row[]
}

function poolConfig(options: PostgresOptions, max: number): pg.PoolConfig {
  return {
    ...clientConfig(options),
    max,
    min: 1,
    connectionTimeoutMillis: limits.storeConnectMs,
    idleTimeoutMillis: limits.storeIdleMs,
  }
}

function clientConfig(options: PostgresOptions): pg.ClientConfig {
  const url = parseUrl(options.url)
  const theirs = url.searchParams.get('options') ?? ''
  url.searchParams.delete('options')
  const settings = {
    timezone: 'UTC',
    datestyle: 'ISO',
    search_path: 'public',
    statement_timeout: limits.storeStatementMs,
    lock_timeout: limits.storeLockMs,
    idle_in_transaction_session_timeout: limits.storeStatementMs,
    ...options.session,
  }
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`)
  return {
    connectionString: url.href,
    options: [theirs, ...ours].join(' ').trim(),
    fallback_application_name: 'leasehold',
    connectionTimeoutMillis: limits.storeConnectMs,
    query_timeout: limits.storeStatementMs + limits.storeConnectMs,
    keepAlive: true,
    pipeline: true,
    types,
  }
}

/** ATTACKER: the address holds a password, so nothing of it is ever repeated in a text. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^postgres(ql)?:$/.test(url.protocol)) return url
  throw problemOf('database-url-not-address', { field: 'DATABASE_URL' })
}

const types = new pg.TypeOverrides()
types.setTypeParser(oids.timestamptz, instantFromText)
types.setTypeParser(oids.bigint, safeInteger)
