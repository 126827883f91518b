/**
 * The connection: one small face over PGlite (embedded) and PostgreSQL, speaking the same SQL.
 * Not a storage interface: chapters write SQL (in their `rows.ts`) and own their tables.
 *
 * Values: `timestamptz` is an `Instant`, `bigint` a safe number, `jsonb` a value, `bytea` a Uint8Array.
 * Errors: `Problem` `store-unavailable` or `conflict`; else a `StoreFault` (see fault.ts). What a
 * driver throws never leaves this folder: it carries parameters and row values.
 */
export interface Sql {
  /** Rows of one statement with `$1…` parameters; arrays of text travel as `text[]`. */
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>
}

export interface Tx extends Sql {
  readonly isTransaction: true
  /**
   * The last statement, when nobody in the work reads its rows: it travels in one flush with the commit, and its
   * failure is the failure of the transaction. Nothing may follow it but more of these. The rows
   * come after the work, together with the commit: awaiting them inside it would wait for ever.
   */
  finish<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>
}

export interface TransactOptions {
  /** `sequencer` may move entries; everything else is `runtime`, which can not UPDATE or DELETE them. */
  role?: 'runtime' | 'sequencer'
  isolation?: 'read committed' | 'repeatable read'
  readOnly?: boolean
}

export interface Store extends Sql {
  readonly kind: 'pglite' | 'postgres'
  /**
   * Runs `work` once. Commits when it resolves and throws what it throws. A commit that did not
   * commit throws; one whose answer was lost throws `store-unavailable` and may have happened.
   */
  transact<T>(work: (tx: Tx) => Promise<T>, options?: TransactOptions): Promise<T>
  /** Wakes on NOTIFY and after each reconnect; a lost or doubled call costs latency only. */
  listen(channel: string, wake: (payload: string) => void): Promise<() => Promise<void>>
  /** The same store by connections kept apart, so that ending works when issuing holds all others. */
  readonly ending: Store
  /** What an idle database does for itself elsewhere: PGlite has no autovacuum. Call now and then. */
  tend(): Promise<void>
  close(): Promise<void>
}
