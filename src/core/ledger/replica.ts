/**
 * Facts in memory: the newest image of every resident row, by table and id. Fed by the follower and
 * by our own commits; only a newer version is ever applied. Pure reading for policy and matching.
 */
import { type FactRow, type FactTable, factTables, type Image } from './fact-table.ts'

type ImageIndex = Map<string, Set<string>>

export class Replica {
  readonly #tables = new Map<string, Map<string, FactRow>>()
  readonly #indexes = new Map<string, Map<string, ImageIndex>>()

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

  /** Applies images in the order given; older or equal versions are passed over. */
  apply(images: readonly { readonly table: string; readonly row: FactRow }[]): void {
    for (const { table: name, row } of images) {
      const table = factTables().get(name)
      if (table === undefined) throw new Error(`an entry names the unknown table ${name}`)
      const rows = this.#rowsOf(name)
      const held = rows.get(row.id)
      if (held !== undefined && held.version >= row.version) continue
      if (held !== undefined) this.#unindex(name, held)
      if (table.isResident(row)) {
        rows.set(row.id, row)
        for (const [column, index] of this.#indexes.get(name) ?? []) addTo(index, column, row)
      } else rows.delete(row.id)
    }
  }

  /** After our own commit: reading what one wrote needs no round through the log. */
  applyOwn(images: readonly { readonly table: string; readonly row: FactRow }[]): void {
    this.apply(images)
  }

  clear(): void {
    this.#tables.clear()
    this.#indexes.clear()
  }

  #rowsOf(name: string): Map<string, FactRow> {
    let rows = this.#tables.get(name)
    if (rows === undefined) this.#tables.set(name, (rows = new Map()))
    return rows
  }

  #index(name: string, column: string): ImageIndex {
    let indexes = this.#indexes.get(name)
    if (indexes === undefined) this.#indexes.set(name, (indexes = new Map()))
    let index = indexes.get(column)
    if (index === undefined) {
      indexes.set(column, (index = new Map()))
      for (const row of this.#rowsOf(name).values()) addTo(index, column, row)
    }
    return index
  }

  #unindex(name: string, row: FactRow): void {
    for (const [column, index] of this.#indexes.get(name) ?? [])
      index.get(String((row as unknown as Record<string, unknown>)[column]))?.delete(row.id)
  }
}

function addTo(index: ImageIndex, column: string, row: FactRow): void {
  const key = String((row as unknown as Record<string, unknown>)[column])
  const ids = index.get(key)
  if (ids === undefined) index.set(key, new Set([row.id]))
  else ids.add(row.id)
}
