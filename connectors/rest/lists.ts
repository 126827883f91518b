/**
 * An inventory that is a few lists, one after another and a page at a time. The cursor is the list and the
 * system's own cursor in it: it goes on after a crash, and holds no more than that.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject, parseJson } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import type { Found, InventoryPage } from '../../src/core/target/target.ts'

const most = { cursorChars: 2_000 }
const cursorShape = z.tuple([z.string(), z.string()])

type Unseen = NonNullable<InventoryPage['unseen']>[number]

export interface List extends Unseen {
  /** What was connected could show it. */
  readonly isOpen: boolean
  /**
   * `next` is empty on the last one; `lacks` says what of it was not shown. `rows`: no more than these
   * are needed, to know whether it is shown at all.
   */
  readonly page: (at: string, signal: AbortSignal, rows?: number) => Promise<ListPage>
}
export interface ListPage {
  readonly found: readonly Found[]
  readonly next: string
  readonly lacks?: Unseen | undefined
}

/** `never` is what nobody is shown. */
export async function readLists(
  { lists, never }: { lists: Readonly<Record<string, List>>; never: readonly Unseen[] },
  cursor: string | null,
  signal: AbortSignal,
): Promise<InventoryPage> {
  const open = Object.keys(lists).filter(name => lists[name]?.isOpen)
  const [name, at] = cursor === null ? [open[0] ?? '', ''] : parseCursor(cursor)
  const list = open.includes(name) ? lists[name] : undefined
  if (list === undefined) throw noCursor()
  const hidden = cursor === null ? Object.values(lists).filter(({ isOpen }) => !isOpen) : []
  const { found, next, lacks } = await list.page(at, signal)
  // What a plan or a right does not show is said; it is no reason to stop.
  const all = [...(cursor === null ? never : []), ...hidden, ...(lacks ? [lacks] : [])]
  const following = open[open.indexOf(name) + 1]
  const after = next === '' ? following && [following, ''] : [name, next]
  return {
    found,
    next: after === undefined ? null : JSON.stringify(after),
    ...(all.length > 0 && { unseen: all.map(({ what, needs }) => ({ what, needs })) }),
  }
}

/** Of a canary: whether an inventory will see them. What is hidden is told, and is no failure. */
export function seenSteps(lists: Readonly<Record<string, List>>, signal: AbortSignal) {
  const step = (list: List) => async () => {
    const { lacks } = list.isOpen ? await list.page('', signal, 1) : { lacks: list }
    return lacks && `not seen; needs ${lacks.needs}`
  }
  return Object.fromEntries(Object.values(lists).map(list => [`seen: ${list.what}`, step(list)]))
}

/** One thing that is not ours, with what is said of it. */
export function thing(
  of: Pick<Found, 'id' | 'kind' | 'name' | 'details'> & Partial<Found>,
  creator: string,
): Found {
  const plain = { ours: false, madeAt: null, lastUsedAt: null, ...of }
  return creator === '' ? plain : { ...plain, creator }
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

/** A member that is an object itself; empty where it is none. */
export function partOf(row: JsonObject, member: string): JsonObject {
  const part = row[member]
  return isObject(part) ? part : {}
}

export function rowsOf(body: JsonObject, member: string): JsonObject[] {
  const rows = body[member]
  return Array.isArray(rows) ? rows.filter(isObject) : []
}

/** Refused here, in the system's own word for it. */
export function notShown({ what, needs }: Unseen, why: string): ListPage {
  return { found: [], next: '', lacks: { what, needs: `${needs} (\`${why}\`)` } }
}

function parseCursor(cursor: string): [string, string] {
  const read = cursorShape.safeParse(parseJson(cursor, most.cursorChars))
  if (read.success) return read.data
  throw noCursor()
}

const noCursor = () =>
  new Problem('invalid-field', { field: 'cursor', detail: 'This is no cursor of ours.' })
