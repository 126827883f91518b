/**
 * Fact tables: the rows whose after-image travels in the entry that records their change, so that a
 * follower can keep them in memory and a replay of the log equals the tables (design §3.1, I5).
 *
 * A row's columns are named here once; SQL is snake_case, code camelCase. Columns in `words` hold
 * personal or free text: they are in the table and beside the leaf, never in facts or in memory.
 */
import { assert } from '../base/problem.ts'

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

const declared = new Map<string, FactTable<FactRow>>()

export function factTable<R extends FactRow, W extends keyof R & string = never>(
  name: string,
  columns: readonly (keyof R & string)[],
  options: {
    json?: readonly (keyof R & string)[]
    words?: readonly W[]
    isResident?: (image: Image<R, W>) => boolean
  } = {},
): FactTable<R, W> {
  const table: FactTable<R, W> = {
    name,
    columns,
    select: columns.map(column => `${snakeCase(column)} as "${column}"`).join(', '),
    json: new Set(options.json ?? []),
    words: new Set(options.words ?? []),
    isResident: options.isResident ?? (() => true),
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
