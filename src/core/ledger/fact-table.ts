/**
 * Fact tables: the rows whose after-image travels in the entry that records their change, so that a
 * follower can keep them in memory and a replay of the log equals the tables (design §3.1, I5).
 *
 * A row's columns are named once, with their types: its own type is made of them. SQL is snake_case,
 * code camelCase. Columns of `text` hold personal or free text: they are in the table and beside the
 * leaf, never in facts or in memory.
 *
 * A row is found here too: to read it, to change it, or to keep others from changing it until the commit.
 */
import { assert, Problem } from '../base/problem.ts'
import { query, type Sql, type Statement, type Tx, verbatim } from '../store/store.ts'

/** What every fact has: an id, and a version that each change raises by one. */
export interface FactRow<I extends string = string> {
  readonly id: I
  readonly version: number
}

export interface FactTable<R extends FactRow, W extends keyof R & string = never> {
  readonly name: string
  readonly columns: readonly (keyof R & string)[]
  /** `owner_id as "ownerId", …`: the only way rows are read, so columns are always listed. */
  readonly select: string
  readonly json: ReadonlySet<string>
  readonly words: ReadonlySet<string>
  /** Followers drop rows for which this is false (closed tasks, gone leases). */
  readonly isResident: (image: Image<R, W>) => boolean
}

/** What of a row may be in facts and in memory. */
export type Image<R extends FactRow, W extends keyof R = never> = Omit<R, W>

type Kind = 'fact' | 'json' | 'text'

/** What is in a column; its type is known to the compiler alone. */
interface Column<T, K extends Kind = Kind> {
  readonly kind: K
  readonly value?: T
}

/** `fact`: a value as it is. `json`: kept as `jsonb`. `text`: words of people, which are in no fact. */
const columnOf =
  <K extends Kind>(kind: K) =>
  <T>(): Column<T, K> => ({ kind })
export const fact = columnOf('fact')
export const json = columnOf('json')
export const text = columnOf('text')

type Columns = Readonly<Record<string, Column<unknown>>> & { readonly id: Column<string> }
type ValueOf<C> = C extends Column<infer T> ? T : never
type RowIn<C extends Columns> = FactRow<ValueOf<C['id']> & string> & {
  readonly [N in Exclude<keyof C & string, 'id'>]: ValueOf<C[N]>
}
type TextIn<C extends Columns> = keyof RowIn<C> &
  { [N in keyof C & string]: C[N] extends Column<unknown, 'text'> ? N : never }[keyof C & string]

/** A row of this table. */
export type RowOf<T> = T extends FactTable<infer R, infer _> ? R : never

/** A row as it begins, now: its version is 1, and what may be null is where nothing is said. */
export type NewRow<R extends FactRow> = Omit<R, 'version' | 'madeAt' | NullIn<R>> & Partial<R>
type NullIn<R> = { [N in keyof R]: null extends R[N] ? N : never }[keyof R]

/** Every row stays in memory. */
export const always = () => true

const declared = new Map<string, FactTable<FactRow>>()

export function factTable<C extends Columns>(
  name: string,
  isResident: FactTable<RowIn<C>, TextIn<C>>['isResident'],
  /** All but the version, which every row has. */
  kinds: C,
): FactTable<RowIn<C>, TextIn<C>> {
  const columns = ['version', ...Object.keys(kinds)] as (keyof RowIn<C> & string)[]
  const ofKind = (kind: Kind) => new Set(columns.filter(column => kinds[column]?.kind === kind))
  const table: FactTable<RowIn<C>, TextIn<C>> = {
    name,
    columns,
    select: columns.map(column => `${snakeCase(column)} as "${column}"`).join(', '),
    json: ofKind('json'),
    words: ofKind('text'),
    isResident,
  }
  assert(!declared.has(name), `fact table ${name} is declared in one place`)
  declared.set(name, table as unknown as FactTable<FactRow>)
  return table
}

/** All tables declared by the chapters that are loaded. */
export function factTables(): ReadonlyMap<string, FactTable<FactRow>> {
  return declared
}

export function imageOf<R extends FactRow, W extends keyof R & string>(
  table: FactTable<R, W>,
  row: R,
): Image<R, W> {
  const image: Record<string, unknown> = {}
  for (const column of table.columns)
    if (!table.words.has(column)) image[column] = row[column] ?? null
  return image as Image<R, W>
}

export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}

/** The rows with these values; `rest` is what follows in the text: more tests, their order, their lock. */
export function listWhere<R extends FactRow>(
  sql: Sql,
  table: FactTable<R>,
  where: Partial<R>,
  rest: string | Statement = '',
): Promise<R[]> {
  // Of the table's own columns, so that nothing else becomes part of the text.
  const columns = table.columns.filter(column => Object.hasOwn(where, column))
  const tests = columns.map((column, i) => `${snakeCase(column)} = $${i + 1}`).join(' and ')
  const values = columns.map(column => where[column])
  const last = typeof rest === 'string' ? verbatim(rest) : rest
  const after = last.sql(values.length + 1)
  const text = `select ${table.select} from ${table.name} where ${tests || 'true'} ${after}`
  return sql.query<R>(text, [...values, ...last.params])
}

/** The one row with these values, as it is now or until the commit. */
export async function findWhere<R extends FactRow>(
  sql: Sql,
  table: FactTable<R>,
  where: Partial<R>,
  lock: '' | 'for update' | 'for share' = '',
): Promise<R | undefined> {
  return (await listWhere(sql, table, where, lock))[0]
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
  const noun = table.replace(/^(app|found)_/, '')
  throw new Problem('not-found', { detail: `There is no such ${noun}.` })
}

/** The row with these values, locked. There or not, who looks for the same waits until the commit. */
export async function lockOrWait<R extends FactRow>(
  tx: Tx,
  table: FactTable<R>,
  where: Partial<R>,
): Promise<R | undefined> {
  const looked = `${table.name} ${Object.values(where).join(' ')}`
  await query(tx)`select pg_advisory_xact_lock(hashtextextended(${looked}, 7135002))`
  return findWhere(tx, table, where, 'for update')
}
