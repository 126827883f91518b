/**
 * Connections to one server: small pools by purpose and database, and sign-ins that only try whether
 * a credential is accepted. Knows nothing of leases.
 *
 * INVARIANT: ending never waits for a connection that issuing holds; nothing waits longer than its
 * signal; each client has a listener for errors (a stopped server would end our process otherwise).
 */

import { Socket } from 'node:net'
import pg from 'pg'
import { sha256Hex } from '../../src/core/base/hash.ts'
import { limits } from '../../src/core/base/limits.ts'
import { product } from '../../src/core/base/product.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Account } from '../rest/server.ts'
import { bounds } from './bounds.ts'
import type { PostgresConfig } from './config.ts'
import { explain, sqlState, stateOf } from './trouble.ts'

export type Lane = 'issue' | 'end'

/**
 * Rows of the last statement of `text`. Several statements only without parameters; a text with
 * parameters is one of a few fixed ones, kept prepared.
 */
export type Sql = <Row>(text: string, params?: readonly unknown[]) => Promise<Row[]>

/** Whether a path let somebody in. `unclear`: it did not come to an answer about the credential. */
export interface Reply {
  readonly says: 'accepted' | 'refused' | 'unclear'
  readonly because?: string
}

/** What one call on a target works with: all of it is over when the call's signal says so. */
export interface Call {
  readonly config: PostgresConfig
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
  /**
   * In the administered database where none is named. Throws `Problem` only. Where `work` fails, its
   * connection is not used again.
   */
  use<T>(lane: Lane, work: (sql: Sql) => Promise<T>, database?: string): Promise<T>
  /** `meanwhile` runs with the session open. */
  signIn(who: SignIn, meanwhile?: (sql: Sql) => Promise<void>): Promise<Reply>
  /** Whether the path to `database` lets our probe account in: now, or within the last second. */
  probe(database: string): Promise<Reply>
}

export interface SignIn extends Account {
  readonly database: string
}

/** Our statements mean the server's own functions, whatever a schema of others holds. */
const sessionOptions = [
  '-c search_path=pg_catalog,pg_temp',
  '-c timezone=UTC',
  '-c synchronous_commit=on',
  '-c plan_cache_mode=force_generic_plan',
  `-c statement_timeout=${limits.targetCallMs}`,
  `-c lock_timeout=${bounds.targetLockMs}`,
  `-c idle_in_transaction_session_timeout=${limits.targetCallMs}`,
].join(' ')

export function openLinks(config: PostgresConfig, clock: Pick<Clock, 'now'>) {
  const pools = new Map<string, pg.Pool>()
  const probedAtMs = new Map<string, number>()
  const during = (signal: AbortSignal): Call => ({
    config,
    clock,
    signal,
    async use(lane, work, database = config.database) {
      const key = `${lane} ${database}`
      const pool = pools.get(key) ?? openPool(config, database)
      pools.set(key, pool)
      try {
        return await lend(pool, bounded(signal), work)
      } catch (thrown) {
        throw explain(thrown)
      }
    },
    signIn: (who, meanwhile) => signIn(config, who, bounded(signal), meanwhile),
    async probe(database) {
      const startedMs = performance.now()
      const fresh = startedMs - (probedAtMs.get(database) ?? -Infinity) < bounds.probeFreshMs
      if (fresh) return { says: 'accepted' }
      const reply = await signIn(config, { ...config.probe, database }, bounded(signal))
      if (reply.says === 'accepted') probedAtMs.set(database, startedMs)
      return reply
    },
  })
  const close = async () => {
    await Promise.allSettled([...pools.values()].map(pool => pool.end()))
  }
  return { during, close }
}

/** As people and evidence name it. */
export function pathTo(config: PostgresConfig, database: string): string {
  const tls = config.tls === false ? '' : ' tls'
  return `tcp ${config.host}:${config.port} ${database} password${tls}`
}

function openPool(config: PostgresConfig, database: string): pg.Pool {
  const pool = new pg.Pool({
    ...addressOf(config, { user: config.user, password: config.password, database }),
    max: bounds.targetConnections,
    options: sessionOptions,
    allowExitOnIdle: true,
  })
  pool.on('error', () => {})
  pool.on('connect', client => client.on('error', () => {}))
  return pool
}

async function lend<T>(
  pool: pg.Pool,
  signal: AbortSignal,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const client = await take(pool, signal)
  let isBack = false
  const giveBack = (isBroken: boolean) => {
    if (!isBack) client.release(isBroken)
    isBack = true
  }
  // A client given back as broken closes its socket, and the statement under way rejects.
  const cut = () => giveBack(true)
  signal.addEventListener('abort', cut, { once: true })
  try {
    const value = await work(sqlOf(client))
    giveBack(false)
    return value
  } finally {
    giveBack(true)
    signal.removeEventListener('abort', cut)
  }
}

/** At once when the signal aborts; a connection that comes later goes back. */
function take(pool: pg.Pool, signal: AbortSignal): Promise<pg.PoolClient> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    pool
      .connect()
      .then(client => (signal.aborted ? client.release() : resolve(client)), reject)
      .finally(() => signal.removeEventListener('abort', abort))
  })
}

async function signIn(
  config: PostgresConfig,
  who: SignIn,
  signal: AbortSignal,
  meanwhile?: (sql: Sql) => Promise<void>,
): Promise<Reply> {
  const socket = new Socket()
  const client = new pg.Client({ ...addressOf(config, who), stream: () => socket })
  client.on('error', () => {})
  const cut = () => socket.destroy()
  signal.addEventListener('abort', cut, { once: true })
  try {
    signal.throwIfAborted()
    await client.connect()
    await meanwhile?.(sqlOf(client))
    // The goodbye is not waited for; a server that does not answer it is cut off.
    client.end().catch(cut)
    setTimeout(cut, bounds.targetConnectMs).unref()
    return { says: 'accepted' }
  } catch (thrown) {
    cut()
    return readRefusal(thrown)
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

/**
 * The server checks the password before anything else about the session, so these codes tell. A
 * database that is missing or closed to the role refuses the session, not the credential.
 */
function readRefusal(thrown: unknown): Reply {
  const because = explain(thrown).log ?? 'no reason given'
  const state = stateOf(thrown)
  if (state === sqlState.badPassword || state === sqlState.badAuthorization)
    return { says: 'refused', because }
  if (state === sqlState.noDatabase || state === sqlState.noRight)
    return { says: 'accepted', because }
  return { says: 'unclear', because }
}

function addressOf(config: PostgresConfig, who: SignIn): pg.ClientConfig {
  const { host, port, tls } = config
  return {
    ...who,
    host,
    port,
    ssl: tls === true ? { rejectUnauthorized: true } : tls && { ...tls, rejectUnauthorized: true },
    application_name: product.command,
    connectionTimeoutMillis: bounds.targetConnectMs,
  }
}

function sqlOf(client: pg.ClientBase): Sql {
  return async <Row>(text: string, params?: readonly unknown[]) => {
    const answer: unknown = await client.query(params === undefined ? text : named(text, params))
    const last: unknown = Array.isArray(answer) ? answer.at(-1) : answer
    return (last as { rows: Row[] }).rows
  }
}

/** Planned once per connection: our looks join many catalogs, and planning costs ten times the rest. */
function named(text: string, params: readonly unknown[]): pg.QueryConfig {
  return { name: sha256Hex(text).slice(0, 32), text, values: [...params] }
}

function bounded(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(limits.targetCallMs)])
}
