/**
 * Facts in memory: the newest image of every resident row, by table and id. Fed by the follower and
 * by our own commits. Pure reading for policy and matching.
 *
 * INVARIANT: a row never goes back. Our own commit may be shown before the log brings what came
 * before it; that is passed over, also when the row is no longer resident.
 */
import { type FactRow, type FactTable, factTables, type Image } from './fact-table.ts'

/** The images of each value of a column, by id. */
type ImageIndex = Map<string, Map<string, FactRow>>

export interface TableImage {
  readonly table: string
  readonly row: FactRow
}

export class Replica {
  readonly #tables = new Map<string, Map<string, FactRow>>()
  readonly #indexes = new Map<string, Map<string, ImageIndex>>()
  /** Versions at which our own commits made rows leave, until the log has brought them. */
  readonly #gone = new Map<string, number>()

  get<R extends FactRow, W extends keyof R & string>(table: FactTable<R, W>, id: string) {
    return this.#tables.get(table.name)?.get(id) as Image<R, W> | undefined
  }

  all<R extends FactRow, W extends keyof R & string>(table: FactTable<R, W>): Image<R, W>[] {
    return [...(this.#tables.get(table.name)?.values() ?? [])] as unknown as Image<R, W>[]
  }

  /** Images whose `column` equals `value`, through an index made at first use and kept from then on. */
  by<R extends FactRow, W extends keyof R & string>(
    table: FactTable<R, W>,
    column: Exclude<keyof R, W> & string,
    value: string,
  ): Image<R, W>[] {
    const found = this.#index(table.name, column).get(value)?.values() ?? []
    return [...found] as unknown as Image<R, W>[]
  }

  /** Applies images of the log, in its order; older versions are passed over. */
  apply(images: readonly TableImage[]): void {
    for (const { table, row } of images) {
      const gone = this.#gone.get(row.id)
      if (gone !== undefined && row.version < gone) continue
      this.#gone.delete(row.id)
      const held = this.#tables.get(table)?.get(row.id)
      // At the same version the log is right: it is what everybody else reads.
      if (held === undefined || held.version <= row.version) this.#put(table, row)
    }
  }

  /** After our own commit: reading what one wrote needs no round through the log. */
  applyOwn(images: readonly TableImage[]): void {
    for (const { table, row } of images) {
      const seen = this.#tables.get(table)?.get(row.id)?.version ?? this.#gone.get(row.id) ?? 0
      if (seen >= row.version) continue
      this.#put(table, row)
      if (this.#tables.get(table)?.has(row.id) !== true) this.#gone.set(row.id, row.version)
    }
  }

  clear(): void {
    this.#tables.clear()
    this.#indexes.clear()
    this.#gone.clear()
  }

  #put(name: string, row: FactRow): void {
    const table = factTables().get(name)
    if (table === undefined) throw new Error(`an entry names the unknown table ${name}`)
    const rows = this.#rowsOf(name)
    const held = rows.get(row.id)
    if (held !== undefined) this.#unindex(name, held)
    if (table.isResident(row)) {
      rows.set(row.id, row)
      for (const [column, index] of this.#indexes.get(name) ?? []) addTo(index, column, row)
    } else rows.delete(row.id)
  }

  #rowsOf(name: string): Map<string, FactRow> {
    return this.#tables.getOrInsertComputed(name, () => new Map())
  }

  #index(name: string, column: string): ImageIndex {
    const indexes = this.#indexes.getOrInsertComputed(name, () => new Map())
    return indexes.getOrInsertComputed(column, () => {
      const index: ImageIndex = new Map()
      for (const row of this.#rowsOf(name).values()) addTo(index, column, row)
      return index
    })
  }

  #unindex(name: string, row: FactRow): void {
    for (const [column, index] of this.#indexes.get(name) ?? []) {
      const held = index.get(keyOf(row, column))
      held?.delete(row.id)
      if (held?.size === 0) index.delete(keyOf(row, column))
    }
  }
}

function addTo(index: ImageIndex, column: string, row: FactRow): void {
  index.getOrInsertComputed(keyOf(row, column), () => new Map()).set(row.id, row)
}

function keyOf(row: FactRow, column: string): string {
  return String((row as unknown as Record<string, unknown>)[column])
}
