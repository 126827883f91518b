/**
 * Forward migrations: files of SQL, each run once, in a transaction, under one lock. What was applied
 * is remembered by its hash. A migration must be safe beside the previous version of the code.
 *
 * Not for going back: a database newer than the code is refused, and a backup is the way back.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../base/hash.ts'
import { limits } from '../base/limits.ts'
import { Problem } from '../base/problem.ts'
import { first, query, type Sql, type Store, type Tx } from './store.ts'

export type SchemaText = ReturnType<typeof readSchema>

/** The schema this code speaks. */
export function readSchema(folder: string = import.meta.dirname) {
  const names = readdirSync(join(folder, 'migrations')).filter(name => name.endsWith('.sql'))
  return {
    /** In the order they run; the name is what is remembered. */
    migrations: names.sort().map(name => ({
      name,
      text: readFileSync(join(folder, 'migrations', name), 'utf8'),
    })),
    /** Roles and grants, run again after anything changed. */
    roles: readFileSync(join(folder, 'roles.sql'), 'utf8'),
  }
}

/**
 * Brings the database to this code's schema and returns the names that ran. `owner` must have the
 * owner's rights when something is new; a database that is up to date is only read.
 */
export async function migrate(owner: Store, schema: SchemaText = readSchema()): Promise<string[]> {
  if (isCurrent(await readApplied(owner), schema)) return []
  await owner.transact(async tx => {
    await lockSchema(tx)
    await query(tx)`
      create table if not exists schema_migration
        (name text primary key, hash text not null, at timestamptz not null default now())`
  })
  const ran: string[] = []
  const roles = { name: rolesName, text: schema.roles }
  for (const each of [...schema.migrations, roles])
    if (await owner.transact(tx => runOnce(tx, each, schema))) ran.push(each.name)
  return ran
}

const rolesName = 'roles'

type Applied = ReadonlyMap<string, string>

async function runOnce(
  tx: Tx,
  { name, text }: SchemaText['migrations'][number],
  schema: SchemaText,
): Promise<boolean> {
  await lockSchema(tx)
  const applied = await readApplied(tx)
  refuseForeign(applied, schema)
  if (applied.get(name) === sha256Hex(text)) return false
  // A change of a busy table waits this long, then gives up: writers queue behind it meanwhile.
  await tx.query(`set local lock_timeout = ${limits.storeLockMs}`)
  // New tables have their grants in the same transaction, or nobody sees them.
  const ran = new Map([[name, text]]).set(rolesName, schema.roles)
  for (const statement of [...ran.values()].flatMap(splitSql)) await tx.query(statement)
  for (const [each, its] of ran)
    await query(tx)`
      insert into schema_migration (name, hash) values (${each}, ${sha256Hex(its)})
      on conflict (name) do update set hash = excluded.hash, at = now()`
  return true
}

/** One migration at a time in the whole database; the lock ends with the transaction. */
async function lockSchema(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(7135001)')
}

async function readApplied(sql: Sql): Promise<Applied> {
  const table = await first<{ is: boolean }>(sql)`
    select to_regclass('public.schema_migration') is not null as is`
  if (table?.is !== true) return new Map()
  const rows = await query<{ name: string; hash: string }>(sql)`
    select name, hash from schema_migration`
  return new Map(rows.map(row => [row.name, row.hash]))
}

function isCurrent(applied: Applied, schema: SchemaText): boolean {
  refuseForeign(applied, schema)
  return (
    applied.get(rolesName) === sha256Hex(schema.roles) &&
    schema.migrations.every(({ name }) => applied.has(name))
  )
}

/** Refuses a database whose past is not ours: newer than this code, or made from other files. */
function refuseForeign(applied: Applied, schema: SchemaText): void {
  const known = new Map(schema.migrations.map(({ name, text }) => [name, sha256Hex(text)]))
  for (const [name, hash] of applied) {
    if (name === rolesName || known.get(name) === hash) continue
    throw new Problem('bad-configuration', {
      detail: known.has(name)
        ? `The migration \`${name}\` was changed after this database had run it.`
        : `The database was made by a newer version: it has run \`${name}\`, which this one does not know.`,
      next: known.has(name)
        ? 'Run the version that made the database; a new change needs a new file.'
        : 'Run that version or a newer one; the way back is a backup.',
    })
  }
}

/** Splits at `;` at the end of a line, outside `$$` bodies. Good for our own files only. */
export function splitSql(text: string): string[] {
  const statements: string[] = []
  let current = ''
  let inBody = false
  for (const line of text.split('\n')) {
    if (!inBody && /^\s*(--.*|\/\*.*\*\/)?$/.test(line)) continue
    current += `${line}\n`
    if ((line.match(/\$\$/g) ?? []).length % 2 === 1) inBody = !inBody
    if (!inBody && /;\s*(--.*)?$/.test(line)) {
      statements.push(current)
      current = ''
    }
  }
  if (current.trim() !== '') statements.push(current)
  return statements
}
