/** One row by its id: to read it, to change it, or to keep others from changing it until the commit. */
import type { Sql, Tx } from '../store/store.ts'
import type { FactRow, FactTable } from './fact-table.ts'

export async function findRow<R extends FactRow, W extends keyof R & string>(
  sql: Sql,
  table: FactTable<R, W>,
  id: R['id'],
): Promise<R | undefined> {
  const rows = await sql.query<R>(`select ${table.select} from ${table.name} where id = $1`, [id])
  return rows[0]
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
