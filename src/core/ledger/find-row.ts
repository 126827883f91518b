/** One row by its id: to read it, to change it, or to keep others from changing it until the commit. */
import type { Sql, Tx } from '../store/store.ts'
import { type FactRow, type FactTable, snakeCase } from './fact-table.ts'

export async function findRow<R extends FactRow, W extends keyof R & string>(
  sql: Sql,
  table: FactTable<R, W>,
  id: R['id'],
): Promise<R | undefined> {
  return findRowBy(sql, table, 'id', id)
}

export async function lockRow<R extends FactRow, W extends keyof R & string>(
  tx: Tx,
  table: FactTable<R, W>,
  id: R['id'],
): Promise<R | undefined> {
  const text = `select ${table.select} from ${table.name} where id = $1 for update`
  return (await tx.query<R>(text, [id]))[0]
}

export async function shareRow<R extends FactRow, W extends keyof R & string>(
  tx: Tx,
  table: FactTable<R, W>,
  id: R['id'],
): Promise<R | undefined> {
  const text = `select ${table.select} from ${table.name} where id = $1 for share`
  return (await tx.query<R>(text, [id]))[0]
}

/** The one row whose `column`, a unique one, has this value. */
export async function findRowBy<R extends FactRow, W extends keyof R & string>(
  sql: Sql,
  table: FactTable<R, W>,
  column: keyof R & string,
  value: string,
): Promise<R | undefined> {
  const text = `select ${table.select} from ${table.name} where ${snakeCase(column)} = $1`
  return (await sql.query<R>(text, [value]))[0]
}
