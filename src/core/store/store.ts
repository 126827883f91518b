/**
 * The connection: one small face over PGlite (embedded) and PostgreSQL, speaking the same SQL.
 * Not a storage interface: chapters write SQL (in their `rows.ts`) and own their tables.
 *
 * Values: `timestamptz` is an `Instant`, `bigint` a safe number, `jsonb` a value, `bytea` a Uint8Array.
 */
export interface Sql {
  /** Rows of one statement with `$1…` parameters; arrays of text travel as `text[]`. */
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>
}

export interface Tx extends Sql {
  readonly isTransaction: true
}

export interface TransactOptions {
  /** `sequencer` may move entries; everything else is `runtime`, which can not UPDATE or DELETE them. */
  role?: 'runtime' | 'sequencer'
  isolation?: 'read committed' | 'repeatable read'
  readOnly?: boolean
}

export interface Store extends Sql {
  readonly kind: 'pglite' | 'postgres'
  /** Commits when `work` resolves and throws what it throws. A commit that did not commit throws. */
  transact<T>(work: (tx: Tx) => Promise<T>, options?: TransactOptions): Promise<T>
  /** Wakes on NOTIFY; a lost or doubled call costs latency only. Returns how to stop. */
  listen(channel: string, wake: (payload: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}
