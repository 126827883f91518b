/** One row: to read it, to change it, or to keep others from changing it until the commit. */
import { Problem } from '../base/problem.ts'
import type { Sql, Tx } from '../store/store.ts'
import { type FactRow, type FactTable, snakeCase } from './fact-table.ts'

/** The one row with these values, as it is now or until the commit. */
export async function findWhere<R extends FactRow>(
  sql: Sql,
  table: FactTable<R>,
  where: Partial<R>,
  lock: '' | 'for update' | 'for share' = '',
): Promise<R | undefined> {
  // Of the table's own columns, so that nothing else becomes part of the text.
  const columns = table.columns.filter(column => Object.hasOwn(where, column))
  const tests = columns.map((column, i) => `${snakeCase(column)} = $${i + 1}`).join(' and ')
  const text = `select ${table.select} from ${table.name} where ${tests} ${lock}`
  const params = columns.map(column => where[column])
  return (await sql.query<R>(text, params))[0]
}

export const findRow = <R extends FactRow>(sql: Sql, table: FactTable<R>, id: R['id']) =>
  findWhere(sql, table, { id } as Partial<R>)

export const lockRow = <R extends FactRow>(tx: Tx, table: FactTable<R>, id: R['id']) =>
  findWhere(tx, table, { id } as Partial<R>, 'for update')

/** As it is until the commit: many may look at once, and a change waits for them. */
export const shareRow = <R extends FactRow>(tx: Tx, table: FactTable<R>, id: R['id']) =>
  findWhere(tx, table, { id } as Partial<R>, 'for share')

/** To change what must be there: Problem `not-found` when it is not. */
export const lockKnown = async <R extends FactRow>(tx: Tx, table: FactTable<R>, id: R['id']) =>
  (await lockRow(tx, table, id)) ?? throwUnknown(table.name)

export const shareKnown = async <R extends FactRow>(tx: Tx, table: FactTable<R>, id: R['id']) =>
  (await shareRow(tx, table, id)) ?? throwUnknown(table.name)

export function throwUnknown(table: string): never {
  const noun = table.replace(/^app_/, '')
  throw new Problem('not-found', { detail: `There is no such ${noun}.` })
}

/** The row with these values, locked. There or not, who looks for the same waits until the commit. */
export async function lockOrWait<R extends FactRow>(
  tx: Tx,
  table: FactTable<R>,
  where: Partial<R>,
): Promise<R | undefined> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 7135002))', [
    `${table.name} ${Object.values(where).join(' ')}`,
  ])
  return findWhere(tx, table, where, 'for update')
}
