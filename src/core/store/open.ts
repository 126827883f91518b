/**
 * Opens the store: PostgreSQL where an address is given, else PGlite in a folder. What comes back is
 * migrated and is the runtime role; whatever makes that untrue refuses to start.
 */
import { chmod, mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { limits } from '../base/limits.ts'
import { assert, Problem, problemOf } from '../base/problem.ts'
import { StoreFault } from './fault.ts'
import { lockFolder } from './lock.ts'
import { migrate } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { openPostgres, type PostgresOptions } from './postgres.ts'
import { withReserve } from './reserve.ts'
import { first, type Store } from './store.ts'

/** `postgres://…`; its sign-in must own the schema, or be a member of both roles once migrated. */
type ServerConfig = Pick<PostgresOptions, 'url'> & Partial<Omit<PostgresOptions, 'session'>>

interface FolderConfig {
  /** Folder of the embedded database; made when it is not there. */
  readonly dataDir: string
  /** Puts an empty database into a folder that is not there: whole and private, or not at all. */
  readonly place: (folder: string) => Promise<void>
}

export async function openStore(config: ServerConfig | FolderConfig): Promise<Store> {
  const store = 'url' in config ? await openServer(config) : await openFolder(config)
  try {
    await checkRuntime(store)
    return withReserve(store)
  } catch (thrown) {
    await store.close()
    throw thrown
  }
}

/** Embedded. Takes the folder's lock before reading a byte of it. */
async function openFolder({ dataDir, place }: FolderConfig): Promise<Store> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const folder = await realpath(dataDir)
  await chmod(folder, 0o700)
  await using undo = new AsyncDisposableStack()
  undo.defer(lockFolder(folder))
  const data = join(folder, 'pgdata')
  await place(data)
  const store = await openPglite(data)
  undo.defer(() => store.close())
  await migrate(store)
  // From here on the session is the runtime role, also after `ending` work and each rollback.
  await store.query('set role leasehold_runtime')
  const opened = undo.move()
  return { ...store, close: () => opened.disposeAsync() }
}

async function openServer(config: ServerConfig): Promise<Store> {
  const owner = openPostgres({ url: config.url, connections: 1 })
  try {
    const synchronous_commit = await checkServer(owner)
    await migrate(owner).catch(refuseRights)
    return openPostgres({
      connections: limits.storeConnections,
      endingConnections: limits.storeEndingConnections,
      ...config,
      session: { role: 'leasehold_runtime', synchronous_commit },
    })
  } finally {
    await owner.close()
  }
}

/** Looks at what a fresh session gets, whoever set it. Returns its `synchronous_commit`. */
async function checkServer(owner: Store): Promise<string> {
  const server = await first<{
    version: number
    sync: string
    standby: boolean
    encoding: string
  }>(owner)`
    select current_setting('server_version_num')::int as version,
      current_setting('synchronous_commit') as sync, pg_is_in_recovery() as standby,
      current_setting('server_encoding') as encoding`
  assert(server, 'the server describes itself')
  if (server.version < 150_000) refuse('must be PostgreSQL 15 or newer', 'Use a newer server.')
  if (server.standby) refuse('is a standby that only reads', 'Give the address of the primary.')
  if (server.encoding !== 'UTF8')
    refuse('does not keep text as UTF-8', "Make the database with encoding 'UTF8'.")
  if (server.sync === 'off')
    refuse(
      'has `synchronous_commit` off, so it may lose what it has acknowledged',
      'Turn it on for the server, the database and the role, for example: alter role … reset synchronous_commit',
    )
  return server.sync
}

function refuseRights(thrown: unknown): never {
  if (thrown instanceof StoreFault && thrown.sqlstate === '42501')
    refuse(
      'has a schema of another version, and this sign-in may not change it',
      'Start once as the owner of the schema; afterwards a member of both roles is enough.',
    )
  throw thrown
}

function refuse(what: string, next: string): never {
  throw new Problem('bad-configuration', {
    detail: `The database at \`DATABASE_URL\` ${what}.`,
    next,
    field: 'DATABASE_URL',
  })
}

/** INVARIANT: the product never runs with rights to change what it has recorded. */
async function checkRuntime(store: Store): Promise<void> {
  for (const lane of new Set([store, store.ending])) {
    const session = await first<{ role: string; mayChange: boolean | null }>(lane)`
      select current_user as role, bool_or(has_table_privilege(name, right_name)) as "mayChange"
      from unnest(array['ledger_entry', 'ledger_node', 'decision', 'ledger_checkpoint']) as name,
        unnest(array['update', 'delete', 'truncate']) as right_name`
    if (session?.role === 'leasehold_runtime' && session.mayChange === false) continue
    throw problemOf('database-keeps-our-rights', {
      log: `the session is ${session?.role ?? 'nobody'}`,
    })
  }
}
