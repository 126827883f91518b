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
  /**
   * The last statement: it travels in one flush with the commit, or alone where nothing else was
   * asked, since one statement is a transaction by itself. Its failure is the transaction's. Only
   * more of these may follow. Its rows come with the commit: the work itself must not wait for them.
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
  /**
   * Commits when `work` resolves and throws what it throws. A commit that did not commit throws; one
   * whose answer was lost throws `store-unavailable` and may have happened. `work` runs once; on
   * `ending` a second time when the first was undone for want of room, so it must keep nothing of it.
   */
  transact<T>(work: (tx: Tx) => Promise<T>, options?: TransactOptions): Promise<T>
  /** Wakes on NOTIFY and after each reconnect; a lost or doubled call costs latency only. */
  listen(channel: string, wake: (payload: string) => void): Promise<() => Promise<void>>
  /**
   * The same store by connections kept apart and room kept free, so that ending works when issuing
   * holds all others or the disk is full. For ending, and for what ending waits for.
   */
  readonly ending: Store
  /** Housekeeping, every few minutes: keeps the room for ending, and PGlite has no autovacuum. */
  tend(): Promise<void>
  close(): Promise<void>
}

/**
 * A statement or a part of one: its text, with parameters numbered from `first` on, and those. A class so
 * that nothing that was parsed can be one.
 */
export class Statement {
  readonly sql: (first: number) => string
  readonly params: readonly unknown[]

  constructor(sql: Statement['sql'], params: Statement['params']) {
    this.sql = sql
    this.params = params
  }
}

/** As it is written out: what is put into its text is a part of it, or travels as its parameter. */
export function statement(text: TemplateStringsArray, ...values: unknown[]): Statement {
  const paramsOf = (value: unknown) => (value instanceof Statement ? value.params : [value])
  const sql = (first: number) => {
    let nth = first
    const placed = values.map(value => {
      const at = nth
      nth += paramsOf(value).length
      return value instanceof Statement ? value.sql(at) : `$${at}`
    })
    return String.raw({ raw: text }, ...placed)
  }
  return new Statement(sql, values.flatMap(paramsOf))
}

/** A part that is text alone: columns, a bound, a table. ATTACKER: never anything from outside. */
export const verbatim = (text: string | number) => new Statement(() => `${text}`, [])

/** Asks one statement, as it is written out. */
export function query<Row>(sql: Sql) {
  return (text: TemplateStringsArray, ...values: unknown[]) => {
    const asked = statement(text, ...values)
    return sql.query<Row>(asked.sql(1).trim(), asked.params)
  }
}

/** The same where there is one row, or none. */
export function first<Row>(sql: Sql) {
  return async (text: TemplateStringsArray, ...values: unknown[]): Promise<Row | undefined> =>
    (await query<Row>(sql)(text, ...values))[0]
}
