import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { migrate, readSchema, type SchemaText, splitSql } from './migrate.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Store } from './store.ts'

let server: RunningPostgres
let root: Store
let count = 0
const opened: Store[] = []

beforeAll(async () => {
  server = await startPostgres({ fsync: false })
  root = openPostgres({ url: server.url(), connections: 1 })
})
afterAll(async () => {
  for (const store of [...opened, root]) await store.close()
  await server.stop()
})

async function freshDatabase(): Promise<Store> {
  const name = `m${count++}`
  await root.query(`create database ${name}`)
  const store = openPostgres({ url: server.url(name), connections: 3 })
  opened.push(store)
  return store
}

/** The schema of this code, with files a later version would bring. */
function later(...files: (readonly [string, string])[]): SchemaText {
  const schema = readSchema()
  const added = files.map(([name, text]) => ({ name, text }))
  return { ...schema, migrations: [...schema.migrations, ...added] }
}

async function tables(store: Store): Promise<string[]> {
  const rows = await store.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  )
  return rows.map(row => row.name)
}

it('a database is migrated once; the second time it is only read', async () => {
  const store = await freshDatabase()
  const ran = await migrate(store)
  expect(ran).toEqual(readSchema().migrations.map(({ name }) => name))
  expect(await tables(store)).toContain('ledger_entry')
  const options = encodeURIComponent('-c default_transaction_read_only=on')
  const reader = openPostgres({
    url: `${server.url(await nameOf(store))}?options=${options}`,
    connections: 1,
  })
  opened.push(reader)
  expect(await migrate(reader)).toEqual([])
  await expect(reader.query('create table x ()')).rejects.toMatchObject({ log: '25006' })
})

it('many that start at once run each migration once between them', async () => {
  const store = await freshDatabase()
  const ran = await Promise.all([migrate(store), migrate(store), migrate(store)])
  expect(ran.flat().toSorted()).toEqual(readSchema().migrations.map(({ name }) => name))
})

it('a migration that fails leaves nothing behind, and runs when it was mended', async () => {
  const store = await freshDatabase()
  const broken = later(['9001-wide.sql', 'create table wide (x int);\nselect 1 / 0;\n'])
  await expect(migrate(store, broken)).rejects.toMatchObject({ sqlstate: '22012' })
  expect(await tables(store)).not.toContain('wide')
  expect(await tables(store)).toContain('ledger_entry')
  const mended = later(['9001-wide.sql', 'create table wide (x int);\n'])
  expect(await migrate(store, mended)).toEqual(['9001-wide.sql'])
  expect(await tables(store)).toContain('wide')
})

it('a new table has its grants as soon as anybody can see it', async () => {
  const store = await freshDatabase()
  await migrate(store, later(['9001-wide.sql', 'create table wide (x int);\n']))
  const [rights] = await store.query(
    `select has_table_privilege('leasehold_runtime', 'wide', 'insert') as runtime,
            has_table_privilege('leasehold_sequencer', 'wide', 'insert') as sequencer,
            has_table_privilege('leasehold_runtime', 'ledger_entry', 'insert') as log`,
  )
  expect(rights).toEqual({ runtime: true, sequencer: false, log: false })
})

it('rights change with their text alone, and what they no longer say is taken away', async () => {
  const store = await freshDatabase()
  await migrate(store)
  const schema = readSchema()
  const narrower = {
    ...schema,
    roles: `${schema.roles}\nrevoke all on person from leasehold_runtime;\n`,
  }
  expect(await migrate(store, narrower)).toEqual(['roles'])
  const may = () =>
    store.query(`select has_table_privilege('leasehold_runtime', 'person', 'select') as is`)
  expect(await may()).toEqual([{ is: false }])
  await migrate(store, schema)
  expect(await may()).toEqual([{ is: true }])
})

it('a database newer than the code is refused and not touched', async () => {
  const store = await freshDatabase()
  await migrate(store, later(['9001-wide.sql', 'create table wide (x int);\n']))
  const before = await tables(store)
  await expect(migrate(store)).rejects.toMatchObject({
    code: 'bad-configuration',
    detail: expect.stringMatching(/newer version.*`9001-wide.sql`/),
    next: expect.stringContaining('backup'),
  })
  expect(await tables(store)).toEqual(before)
})

it('a migration that was edited after it ran is refused', async () => {
  const store = await freshDatabase()
  await migrate(store, later(['9001-wide.sql', 'create table wide (x int);\n']))
  const edited = later(['9001-wide.sql', 'create table wide (x int, y int);\n'])
  await expect(migrate(store, edited)).rejects.toMatchObject({
    code: 'bad-configuration',
    detail: expect.stringContaining('was changed after'),
  })
})

it('a database that ran the same statements, written otherwise, goes on with what is new', async () => {
  const store = await freshDatabase()
  await migrate(store)
  const once = 'f9f55d4fb1b81cf69a6ed7d4917c37337135d4e1614c79b88f2bcec3acdadaba'
  const write = (name: string) =>
    store.query('update schema_migration set hash = $1 where name = $2', [once, name])
  await write('0001-schema.sql')
  expect(await migrate(store, later(['9001-wide.sql', 'create table wide (x int);\n']))).toEqual([
    '9001-wide.sql',
  ])
  await write('9001-wide.sql')
  const now = later(['9001-wide.sql', 'create table wide (x int);\n'])
  await expect(migrate(store, now)).rejects.toMatchObject({ code: 'bad-configuration' })
})

it('a busy table is waited for only so long, so that writers do not queue up', async () => {
  const store = await freshDatabase()
  await migrate(store)
  const { promise: busy, resolve: release } = Promise.withResolvers<void>()
  const holder = store.transact(async tx => {
    await tx.query('lock table person in access share mode')
    await busy
  })
  const patient = later([
    '9001-person.sql',
    `set local lock_timeout = '50ms';\nalter table person add column note text;\n`,
  ])
  await expect(migrate(store, patient)).rejects.toMatchObject({ code: 'store-unavailable' })
  release()
  await holder
  expect(await migrate(store, patient)).toEqual(['9001-person.sql'])
})

describe('the log refuses its own owner', () => {
  const attempts = [
    `update ledger_entry set leaf = 'x'`,
    'delete from ledger_entry',
    'truncate ledger_entry cascade',
    'update ledger_node set index = 1',
    'delete from ledger_checkpoint',
    'truncate ledger_checkpoint',
    'update decision set allowed = true',
    'delete from decision',
    'truncate decision',
  ]

  it('on PostgreSQL', async () => {
    const store = await freshDatabase()
    await migrate(store)
    for (const text of attempts)
      await expect(store.query(text)).rejects.toThrow(/only ever added to/)
  })

  it('on PGlite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
    const store = await openPglite(join(folder, 'pgdata'))
    await migrate(store)
    for (const text of attempts)
      await expect(store.query(text)).rejects.toThrow(/only ever added to/)
    await store.close()
    await rm(folder, { recursive: true })
  })
})

describe('our files of SQL', () => {
  it('are split at the ends of statements, not inside bodies, and lose only comments', () => {
    const text = `-- one; two
create table a (x int); -- after
create function f() returns int language sql as $$
  select 1;
  select 2;
$$;

do $$ begin perform 1; end $$;
select ';' as semicolon,
  2`
    expect(splitSql(text).map(each => each.replaceAll(/\s+/g, ' ').trim())).toEqual([
      'create table a (x int); -- after',
      'create function f() returns int language sql as $$ select 1; select 2; $$;',
      'do $$ begin perform 1; end $$;',
      `select ';' as semicolon, 2`,
    ])
  })

  it('are read in the order of their names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leasehold-test-'))
    await cp(join(import.meta.dirname, 'migrations'), join(folder, 'migrations'), {
      recursive: true,
    })
    await cp(join(import.meta.dirname, 'roles.sql'), join(folder, 'roles.sql'))
    await writeFile(join(folder, 'migrations', '0000-first.sql'), 'select 1;\n')
    await writeFile(join(folder, 'migrations', 'notes.txt'), 'not a migration')
    const names = readSchema(folder).migrations.map(({ name }) => name)
    expect(names[0]).toBe('0000-first.sql')
    expect(names).not.toContain('notes.txt')
    expect(names).toEqual(names.toSorted())
    await rm(folder, { recursive: true })
  })
})

async function nameOf(store: Store): Promise<string> {
  const [row] = await store.query<{ name: string }>('select current_database() as name')
  return row?.name ?? ''
}
