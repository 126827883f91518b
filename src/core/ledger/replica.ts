/**
 * Facts in memory: the newest image of every resident row, by table and id. Fed by the follower and
 * by our own commits. Pure reading for policy and matching.
 *
 * INVARIANT: a row never goes back. Our own commit may be shown before the log brings what came
 * before it; that is passed over, also when the row is no longer resident.
 */
import { getOrMake } from '../base/map.ts'
import { type FactRow, type FactTable, factTables, type Image } from './fact-table.ts'

type ImageIndex = Map<string, Set<string>>

export interface TableImage {
  readonly table: string
  readonly row: FactRow
}

export class Replica {
  readonly #tables = new Map<string, Map<string, FactRow>>()
  readonly #indexes = new Map<string, Map<string, ImageIndex>>()
  /** Versions at which our own commits made rows leave, until the log has brought them. */
  readonly #gone = new Map<string, number>()

  get<R extends FactRow, W extends keyof R & string>(
    table: FactTable<R, W>,
    id: string,
  ): Image<R, W> | undefined {
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
    const found: Image<R, W>[] = []
    for (const id of this.#index(table.name, column).get(value) ?? []) {
      const image = this.get(table, id)
      if (image !== undefined) found.push(image)
    }
    return found
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
    return getOrMake(this.#tables, name, () => new Map<string, FactRow>())
  }

  #index(name: string, column: string): ImageIndex {
    const indexes = getOrMake(this.#indexes, name, () => new Map<string, ImageIndex>())
    return getOrMake(indexes, column, () => {
      const index: ImageIndex = new Map()
      for (const row of this.#rowsOf(name).values()) addTo(index, column, row)
      return index
    })
  }

  #unindex(name: string, row: FactRow): void {
    for (const [column, index] of this.#indexes.get(name) ?? []) {
      const ids = index.get(keyOf(row, column))
      ids?.delete(row.id)
      if (ids?.size === 0) index.delete(keyOf(row, column))
    }
  }
}

function addTo(index: ImageIndex, column: string, row: FactRow): void {
  getOrMake(index, keyOf(row, column), () => new Set<string>()).add(row.id)
}

function keyOf(row: FactRow, column: string): string {
  return String((row as unknown as Record<string, unknown>)[column])
}
