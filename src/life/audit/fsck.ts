/**
 * Checks the whole log from its first entry: every leaf and commitment, the tree, its stored nodes,
 * its head and every checkpoint; then the tables, which must be what the log says when it is played
 * again. Each fault is named; nothing is repaired.
 *
 * Who can rewrite entries, nodes and head together is caught only by a signed checkpoint: one kept
 * in the database, or one remembered elsewhere.
 */
import { canonicalJson } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { isProblem } from '../../core/base/problem.ts'
import { type FactRow, factTables } from '../../core/ledger/fact-table.ts'
import type { Vkey } from '../../core/ledger/note.ts'
import type { TableImage } from '../../core/ledger/replica.ts'
import * as ledger from '../../core/ledger/rows.ts'
import * as tree from '../../core/ledger/tree.ts'
import { type Store, verbatim } from '../../core/store/store.ts'
import { textErased } from './erase.ts'
import { openCheckpoint } from './open-note.ts'
import { openLeaf } from './read.ts'
import { allNodes, findEntries, readWaitingFacts } from './rows.ts'

export type LogFault =
  /** What a row says is not what its own leaf says; `words` are gone and nobody erased them. */
  | {
      readonly what: 'leaf' | 'leaf-hash' | 'columns' | 'facts' | 'words' | 'words-missing'
      readonly position: number
    }
  | { readonly what: 'missing-entry'; readonly position: number }
  /** The entries from `from` up to `to` were rewritten or reordered after they were sequenced. */
  | { readonly what: 'changed'; readonly from: number; readonly to: number }
  | { readonly what: 'node'; readonly level: number; readonly index: number }
  | { readonly what: 'head' }
  /** A row is not what the log says it is: it was changed behind our back. */
  | { readonly what: 'table'; readonly table: string; readonly id: string }
  | { readonly what: 'checkpoint'; readonly size: number }

/** Reads everything in one snapshot. `vkeys`: every key the log was ever signed with. */
export function checkLog(store: Store, vkeys: readonly Vkey[]) {
  return store.transact(
    async tx => {
      const signed = await ledger.listCheckpoints(tx, verbatim('order by size'))
      const roots = new Map(signed.map(row => [row.size, signedRoot(row, vkeys)]))
      const walk = new Walk(await allNodes(tx), roots)
      for (;;) {
        const page = await findEntries(tx, { after: walk.next - 1 }, limits.followBatch)
        for (const row of page) walk.entry(row)
        if (page.length < limits.followBatch) break
      }
      walk.end(await ledger.readHead(tx))
      for (const facts of await readWaitingFacts(tx)) walk.play(facts)
      for (const table of factTables().values())
        for await (const images of ledger.readImages(tx, table))
          walk.compareRows(table.name, images)
      return walk.report()
    },
    { isolation: 'repeatable read', readOnly: true },
  )
}

type SignedRoots = Map<number, tree.Hash | null>

/** The root a kept checkpoint was signed for; null where row and signature do not agree. */
function signedRoot(row: ledger.CheckpointRow, vkeys: readonly Vkey[]): tree.Hash | null {
  try {
    const { size, root } = openCheckpoint(row.note, vkeys)
    return size === row.size && tree.isSame(root, row.root) ? root : null
  } catch (thrown) {
    if (isProblem(thrown, 'not-verified')) return null
    throw thrown
  }
}

/** What is known so far on the way through the log. A class because each step needs all of it. */
class Walk {
  readonly faults: LogFault[] = []
  readonly checkpoints: number
  #frontier: tree.Frontier = { size: 0, peaks: [] }
  /** Position of the next entry; ahead of the frontier once an entry is missing. */
  next = 0
  /** The largest size at which the tree was what somebody signed. */
  #good = 0
  /** The tree can not be followed further. */
  #isTorn = false
  /** Stored nodes that differ from the tree since `#good`: they or the entries are wrong. */
  #suspects: { level: number; index: number }[] = []
  readonly #nodes: Map<string, tree.Hash>
  readonly #signed: SignedRoots
  /** The last image of each row, by table and id. */
  readonly #played = new Map<string, Map<string, string>>()
  readonly #wordless = new Set<number>()
  readonly #erased = new Set<number>()

  constructor(
    nodes: readonly { level: number; index: number; hash: tree.Hash }[],
    signed: SignedRoots,
  ) {
    this.#nodes = new Map(nodes.map(node => [`${node.level}/${node.index}`, node.hash]))
    this.#signed = signed
    this.checkpoints = signed.size
    this.#compare(0)
  }

  report() {
    const faults = [...this.faults]
    for (const [table, rows] of this.#played)
      for (const id of rows.keys()) faults.push({ what: 'table', table, id })
    const { next: size, checkpoints } = this
    return { size, root: tree.rootOf(this.#frontier), checkpoints, faults }
  }

  /**
   * Images of rows as the log says them (design §8, I5). One written before a column was added has
   * nothing there, as the table has.
   */
  play(facts: string): void {
    for (const { table, row } of (JSON.parse(facts) as { rows?: TableImage[] }).rows ?? []) {
      const rows = this.#played.get(table) ?? new Map<string, string>()
      const { columns = [], words } = factTables().get(table) ?? {}
      const added = columns.filter(name => !words?.has(name) && !(name in row))
      const whole = { ...row, ...Object.fromEntries(added.map(name => [name, null])) }
      this.#played.set(table, rows.set(row.id, canonicalJson(whole)))
    }
  }

  compareRows(table: string, images: readonly FactRow[]): void {
    const rows = this.#played.get(table)
    for (const image of images) {
      if (rows?.get(image.id) !== canonicalJson(image))
        this.faults.push({ what: 'table', table, id: image.id })
      rows?.delete(image.id)
    }
  }

  entry(row: ledger.EntryRow): void {
    this.#missUntil(row.position)
    this.next = row.position + 1
    this.#checkRow(row)
    if (this.#isTorn) return
    const { frontier, nodes } = tree.extend(this.#frontier, [row.leafHash])
    this.#frontier = frontier
    for (const { level, index, hash } of nodes) {
      const stored = this.#nodes.get(`${level}/${index}`)
      if (stored === undefined || !tree.isSame(stored, hash)) this.#suspects.push({ level, index })
      this.#nodes.delete(`${level}/${index}`)
    }
    this.#compare(frontier.size)
  }

  end(head: { size: number; root: tree.Hash; peaks: Uint8Array }): void {
    this.#missUntil(head.size)
    if (!this.#isTorn) this.#compareHead(head)
    for (const [size, signed] of this.#signed)
      if (signed === null || size > this.next) this.faults.push({ what: 'checkpoint', size })
    if (!this.#isTorn)
      for (const name of this.#nodes.keys()) this.#blame([name.split('/').map(Number)])
    for (const position of this.#wordless)
      if (!this.#erased.has(position)) this.faults.push({ what: 'words-missing', position })
  }

  #missUntil(position: number): void {
    for (; this.next < position; this.next++) {
      this.faults.push({ what: 'missing-entry', position: this.next })
      this.#isTorn = true
    }
  }

  #checkRow(row: ledger.EntryRow): void {
    const { position } = row
    try {
      const { faults, isErased } = openLeaf(row)
      for (const what of faults) this.faults.push({ what, position })
      if (isErased) this.#wordless.add(position)
      this.play(row.facts)
      if (row.kind !== textErased || faults.length > 0) return
      const { positions } = JSON.parse(row.facts) as { positions: number[] }
      for (const each of positions) this.#erased.add(each)
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown
      this.faults.push({ what: 'leaf', position })
    }
  }

  /** At a size somebody signed. */
  #compare(size: number): void {
    const signed = this.#signed.get(size)
    if (signed === undefined || signed === null) return
    this.#signed.delete(size)
    this.#settle(tree.isSame(tree.rootOf(this.#frontier), signed), size)
  }

  #compareHead(head: { size: number; root: tree.Hash; peaks: Uint8Array }): void {
    const fits =
      head.size === this.next &&
      tree.isSame(head.root, tree.rootOf(this.#frontier)) &&
      tree.isSame(head.peaks, tree.packPeaks(this.#frontier))
    if (fits) this.#settle(true, head.size)
    else if (this.#good === this.next) this.faults.push({ what: 'head' })
    else this.#settle(false, this.next)
  }

  #settle(isTrue: boolean, size: number): void {
    const blocks = this.#suspects.filter(({ level }) => level === 1)
    if (isTrue) this.#blame(this.#suspects.map(({ level, index }) => [level, index]))
    else if (blocks.length === 0) this.faults.push({ what: 'changed', from: this.#good, to: size })
    else
      for (const { index } of blocks)
        this.faults.push({ what: 'changed', from: index * 256, to: (index + 1) * 256 })
    this.#isTorn ||= !isTrue
    this.#good = size
    this.#suspects = []
  }

  #blame(nodes: readonly number[][]): void {
    for (const [level = 0, index = 0] of nodes) this.faults.push({ what: 'node', level, index })
  }
}
