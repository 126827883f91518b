/**
 * PGlite: PostgreSQL 18 in this process, for a laptop. Safe across a killed process, not across power
 * loss (it never syncs the disk). One process may have the folder open: `lock.ts` sees to that.
 */
import { PGlite, type Transaction } from '@electric-sql/pglite'
import { Problem } from '../base/problem.ts'
import { fromMs } from '../base/time.ts'
import type { Store, TransactOptions, Tx } from './store.ts'

/** Opens a folder, or memory when `dataDir` is null. `snapshot` is a dump to start an empty folder from. */
export async function openPglite(options: {
  dataDir: string | null
  snapshot?: Blob
}): Promise<Store> {
  const db = await PGlite.create({
    ...(options.dataDir === null ? {} : { dataDir: options.dataDir }),
    ...(options.snapshot === undefined ? {} : { loadDataDir: options.snapshot }),
    parsers: { 1184: instantFromText, 20: safeInteger },
  })
  return pgliteStore(db)
}

function pgliteStore(db: PGlite): Store {
  return {
    kind: 'pglite',
    query: async <Row>(text: string, params: readonly unknown[] = []) =>
      (await db.query<Row>(text, [...params])).rows,
    transact: (work, options = {}) => db.transaction(tx => runWork(tx, work, options)),
    listen: async (channel, wake) => db.listen(channel, wake),
    close: () => db.close(),
  }
}

async function runWork<T>(
  tx: Transaction,
  work: (tx: Tx) => Promise<T>,
  options: TransactOptions,
): Promise<T> {
  const statements: string[] = []
  if (options.isolation === 'repeatable read')
    statements.push('set transaction isolation level repeatable read')
  if (options.readOnly === true) statements.push('set transaction read only')
  if (options.role === 'sequencer') statements.push('set local role leasehold_sequencer')
  if (statements.length > 0) await tx.exec(statements.join(';'))
  return work({
    isTransaction: true,
    query: async <Row>(text: string, params: readonly unknown[] = []) =>
      (await tx.query<Row>(text, [...params])).rows,
  })
}

/** PostgreSQL's text of a timestamptz (UTC session) as an Instant. */
export function instantFromText(text: string): string {
  return fromMs(Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')))
}

export function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new Problem('internal', {
      detail: 'A number in the database is too large.',
      log: `unsafe integer ${text}`,
    })
  return value
}
