/** SQL of drift. */
import type { LeaseId } from '../../core/base/ids.ts'
import type { Sql } from '../../core/store/store.ts'

/** Of these leases those that are not gone, by the name each has at its target. */
export async function openPrincipals(sql: Sql, ids: readonly LeaseId[]): Promise<Set<string>> {
  const rows = await sql.query<{ principal: string }>(
    `select principal from lease where id = any ($1::text[]) and state <> 'gone'`,
    [ids],
  )
  return new Set(rows.map(row => row.principal))
}
