/**
 * Forward migrations, each a file of SQL run once in a transaction under one lock, and the two roles
 * everything later runs as. A migration must be safe beside the previous version of the code.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from './store.ts'

const folder = join(import.meta.dirname, 'migrations')

/** Runs what has not run yet and (re)grants the roles. `store` must have the owner's rights. */
export async function migrate(store: Store): Promise<string[]> {
  const files = (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()
  await store.query(
    'create table if not exists schema_migration (name text primary key, at timestamptz not null default now())',
  )
  const ran: string[] = []
  for (const name of files) {
    const text = await readFile(join(folder, name), 'utf8')
    const isNew = await store.transact(async tx => {
      await tx.query('select pg_advisory_xact_lock(7135001)')
      const known = await tx.query('select 1 from schema_migration where name = $1', [name])
      if (known.length > 0) return false
      for (const statement of splitSql(text)) await tx.query(statement)
      await tx.query('insert into schema_migration (name) values ($1)', [name])
      return true
    })
    if (isNew) ran.push(name)
  }
  await grantRoles(store)
  return ran
}

/**
 * INVARIANT: the runtime role adds to the log's inbox and reads the log; it can not change either.
 * The sequencer's role moves entries. Both are taken on by `set role`, neither can sign in.
 */
async function grantRoles(store: Store): Promise<void> {
  await store.transact(async tx => {
    await tx.query('select pg_advisory_xact_lock(7135001)')
    for (const role of ['leasehold_runtime', 'leasehold_sequencer']) {
      const known = await tx.query('select 1 from pg_roles where rolname = $1', [role])
      if (known.length === 0) await tx.query(`create role ${role} nologin noinherit`)
      await tx.query(`grant ${role} to current_user`)
      await tx.query(`grant usage on schema public to ${role}`)
      await tx.query(
        `grant select, insert, update, delete on all tables in schema public to ${role}`,
      )
    }
    await tx.query('grant leasehold_sequencer to leasehold_runtime')
    for (const role of ['leasehold_runtime', 'leasehold_sequencer'])
      await tx.query(
        `revoke update, delete on ledger_entry, ledger_node, ledger_checkpoint, decision, schema_migration from ${role}`,
      )
    await tx.query(
      'revoke insert, update, delete on ledger_entry, ledger_node, ledger_head from leasehold_runtime',
    )
    await tx.query('revoke update, delete on ledger_inbox from leasehold_runtime')
  })
}

/** Splits at `;` at the end of a line, outside `$$` bodies. Good for our own files only. */
export function splitSql(text: string): string[] {
  const statements: string[] = []
  let current = ''
  let inBody = false
  for (const line of text.split('\n')) {
    if (!inBody && /^\s*(--.*)?$/.test(line)) continue
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
