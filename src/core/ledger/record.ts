/**
 * The record scope: a state change and its entry commit together or not at all (design §3.1).
 *
 * INVARIANT: the entry is the last statement of the transaction, after all row locks, and there is
 * exactly one per transaction; its id then orders it after everything it could have seen.
 * Not here: the position of an entry, which the sequencer gives it after the commit.
 */
import { randomBytes } from 'node:crypto'
import { base64url } from '../base/hash.ts'
import type { ActorId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { ActionName, DecisionRecord, Permit, PermitFor } from '../base/permit.ts'
import { assert, problemOf } from '../base/problem.ts'
import type { Clock, Instant } from '../base/time.ts'
import { violatedConstraint } from '../store/fault.ts'
import { Statement, type Store, type Tx } from '../store/store.ts'
import { type FactRow, type FactTable, imageOf, type NewRow, snakeCase } from './fact-table.ts'
import type { EntryKind } from './kind.ts'
import { commit, leafText, type Subject, subjectIds } from './leaf.ts'
import type { Replica, TableImage } from './replica.ts'
import { logReaches, rowIsCurrent, type Sealed, writeEntry } from './rows.ts'

export interface LedgerWorld {
  readonly store: Store
  readonly clock: Clock
  readonly replica: Replica
  /** Told after each commit, so that the sequencer need not wait for its poll. */
  readonly poke: () => void
  /**
   * Throws Problem `ledger-regressed` when nothing may be written; else answers the size of the log
   * this process has seen. A database behind that refuses the entry, in the same statement.
   */
  readonly gate?: () => number
}

/** What a sweep needs: nobody asks for its acts, so each is decided on its own. */
export interface SweepWorld extends LedgerWorld {
  readonly permitFor: PermitFor
}

export interface EntryText {
  readonly kind: EntryKind
  /** Who did it: a permit says so itself; what needed no permit names its actor. */
  readonly by: Permit<ActionName> | ActorId
  /** Things it is about beside the rows written in this scope, which are added by themselves. */
  readonly subjects?: readonly Subject[]
  /** Ids, enums, numbers, instants; never a name or a free word, never a secret. Two names are ours. */
  readonly facts?: Readonly<Record<string, unknown>> & { rows?: never; decisions?: never }
  /** Words of people: erasable. */
  readonly words?: Readonly<Record<string, string>>
}

/** What a verb writes through. */
export type Scope = Omit<Draft, 'seal' | 'explain' | 'images'>

/**
 * Runs `work` in one transaction and seals it with its entry. A scope that wrote a row and named no
 * entry is a bug; one that found nothing to do (a retry) needs none.
 */
export async function recorded<T>(world: LedgerWorld, work: (scope: Scope) => Promise<T>) {
  const [at, seen] = [world.clock.now(), world.gate?.() ?? 0]
  const { draft, value, hasEntry } = await world.store
    .transact(async tx => {
      // A new one each time: on `ending`, work that found no room runs again and keeps nothing.
      const draft = new Draft(tx, at, seen)
      const value = await work(draft).catch((thrown: unknown) => draft.explain(thrown))
      return { draft, value, hasEntry: await draft.seal() }
    })
    .catch((thrown: unknown) => {
      const constraint = violatedConstraint(thrown)
      if (constraint === logReaches) throw problemOf('log-shorter-than-seen', { seen })
      throw constraint === rowIsCurrent ? changedMeanwhile : thrown
    })
  world.replica.applyOwn(draft.images)
  if (hasEntry) world.poke()
  return value
}

/** The state of one scope. A class because it guards one thing: the entry is written once, last. */
class Draft {
  readonly at: Instant
  readonly tx: Tx
  readonly images: TableImage[] = []
  readonly #seen: number
  #text: EntryText | undefined
  #words: Record<string, string> = {}
  readonly #records = new Map<string, DecisionRecord>()
  /** The row written last, which travels in the entry's statement. */
  #held: Statement | undefined
  readonly #beside: Statement[] = []
  /** Writes that were sent and not waited for: each rejects when it did not write its row. */
  #sent: Promise<void>[] = []

  constructor(tx: Tx, at: Instant, seen: number) {
    const query: Tx['query'] = (text, params) => {
      this.#send()
      return tx.query(text, params)
    }
    this.tx = { ...tx, query }
    this.at = at
    this.#seen = seen
  }

  /** Not waited for: a constraint it breaks is what `recorded` throws. */
  async insert<R extends FactRow>(table: FactTable<R>, given: NoInfer<NewRow<R>>): Promise<R> {
    const atFirst = (column: string) => (column === 'madeAt' ? this.at : null)
    const begun = Object.fromEntries(table.columns.map(column => [column, atFirst(column)]))
    const row = { ...begun, version: 1, ...given } as unknown as R
    this.#hold(table, row)
    return row
  }

  /** Writes `after` if the row still has the version of `before`; else `recorded` throws `conflict`. */
  async save<R extends FactRow>(table: FactTable<R>, before: R, after: Omit<R, 'version'>) {
    const row = { ...after, version: before.version + 1 } as R
    this.#hold(table, row, before)
    return row
  }

  /**
   * `save` for many rows of one table in one statement; all or none. At most `limits.saveRows`. One
   * alone travels with the entry.
   */
  async saveAll<R extends FactRow>(
    table: FactTable<R>,
    pairs: readonly { readonly before: R; readonly after: Omit<R, 'version'> }[],
  ): Promise<R[]> {
    assert(pairs.length <= limits.saveRows, 'a batch is bounded')
    const [only, second] = pairs
    if (only === undefined) return []
    if (second === undefined) return [await this.save(table, only.before, only.after)]
    const rows = pairs.map(({ before, after }) => ({ ...after, version: before.version + 1 }) as R)
    // The version says that all else is as it was.
    const changed = table.columns.filter(column =>
      pairs.some(({ before }, i) => before[column] !== rows[i]?.[column]),
    )
    const names = changed.map(snakeCase)
    const values = rows.map(row => ({
      id: row.id,
      ...Object.fromEntries(changed.map(column => [snakeCase(column), row[column] ?? null])),
    }))
    const saved = await this.tx.query(
      `update ${table.name} set (${names.join(', ')}) = row(${names.map(name => `new.${name}`).join(', ')})
       from jsonb_populate_recordset(null::${table.name}, $1::jsonb) as new
       where ${table.name}.id = new.id and ${table.name}.version = new.version - 1 returning 1`,
      [JSON.stringify(values)],
    )
    if (saved.length !== rows.length) throw changedMeanwhile
    for (const [i, row] of rows.entries()) this.#note(table, row, pairs[i]?.before)
    return rows
  }

  /** What is no fact, written by the statement of the entry, which orders nothing by it. */
  beside(write: Statement): void {
    this.#beside.push(write)
  }

  /** The one entry of this transaction. */
  entry(text: EntryText): void {
    assert(this.#text === undefined, 'one entry per transaction')
    this.#text = text
    if (typeof text.by !== 'string') this.decided(...text.by.decisions)
  }

  /** Decisions to keep beside those the permit carries (denials, data actions). */
  decided(...records: readonly DecisionRecord[]): void {
    for (const record of records) this.#records.getOrInsert(record.id, record)
  }

  /**
   * The last statement, in one flush with the commit, and whether there was one to send. Nothing after
   * it may take a row lock.
   */
  async seal(): Promise<boolean> {
    const [text, held] = [this.#text, this.#held]
    if (text === undefined) this.#send()
    this.#held = undefined
    await Promise.all(this.#sent)
    if (text === undefined) {
      const count = this.images.length + this.#records.size + this.#beside.length
      assert(count === 0, 'a state change has an entry')
      return false
    }
    writeEntry(this.tx, { ...this.#entryOf(text), seen: this.#seen }, held, this.#beside)
    return true
  }

  /** The first thing that went wrong: a write that nobody waited for comes before what followed. */
  async explain(thrown: unknown): Promise<never> {
    for (const sent of await Promise.allSettled(this.#sent))
      if (sent.status === 'rejected') throw sent.reason
    throw thrown
  }

  #hold<R extends FactRow>(table: FactTable<R>, row: R, before?: R): void {
    this.#send()
    this.#held = writeOf(table, row, before)
    this.#note(table, row, before)
  }

  /** Sends a write that something else follows, without waiting for it. */
  #send(): void {
    if (this.#held === undefined) return
    const { sql, params } = this.#held
    this.#held = undefined
    const sent = this.tx.query(sql(1), params).then(rows => {
      if (rows.length !== 1) throw changedMeanwhile
    })
    sent.catch(() => {})
    this.#sent.push(sent)
  }

  #entryOf(text: EntryText): Sealed {
    const written = this.images.map(({ table: name, row }) => subjectOf({ name }, row))
    const subjects = [...written, ...(text.subjects ?? [])]
    const records = [...this.#records.values()]
    const decisions = records.map(({ id, hash }) => ({ id, hash }))
    const facts = salted({
      ...text.facts,
      ...(decisions.length > 0 ? { decisions } : {}),
      ...(this.images.length > 0 ? { rows: this.images } : {}),
    })
    const allWords = { ...this.#words, ...text.words }
    const words = Object.keys(allWords).length === 0 ? undefined : salted(allWords)
    const [at, kind] = [this.at, text.kind]
    const actor = typeof text.by === 'string' ? text.by : text.by.actor
    return {
      at,
      kind,
      subjects: subjectIds(subjects),
      decisions: records,
      leaf: leafText({ kind, at, actor, subjects, facts: facts.seal, words: words?.seal }),
      facts: facts.text,
      factsSalt: facts.salt,
      words: words?.text ?? null,
      wordsSalt: words?.salt ?? null,
    }
  }

  /** Words go beside the entry only where this write changed them. */
  #note<R extends FactRow>(table: FactTable<R>, row: R, before?: R): void {
    this.images.push({ table: table.name, row: imageOf(table, row) })
    for (const column of table.words) {
      const word = row[column as keyof R]
      if (typeof word === 'string' && word !== before?.[column as keyof R])
        this.#words[`${row.id}.${column}`] = word
    }
  }
}

/** Canonical text, the salt that hides it, and the commitment to both that the leaf carries. */
function salted(value: object): { text: string; salt: string; seal: string } {
  const [text, salt] = [canonicalJson(value), base64url(randomBytes(32))]
  return { text, salt, seal: commit(salt, text) }
}

function writeOf<R extends FactRow>(table: FactTable<R>, row: R, before: R | undefined): Statement {
  const names = table.columns.map(snakeCase).join(', ')
  const params: unknown[] = table.columns.map(column => {
    const value: unknown = row[column] ?? null
    return table.json.has(column) && value !== null ? JSON.stringify(value) : value
  })
  const casts = table.columns.map(column => (table.json.has(column) ? '::jsonb' : ''))
  const places = (first: number) => casts.map((cast, i) => `$${first + i}${cast}`).join(', ')
  if (before === undefined)
    return new Statement(
      first => `insert into ${table.name} (${names}) values (${places(first)}) returning 1`,
      params,
    )
  return new Statement(
    first =>
      `update ${table.name} set (${names}) = row(${places(first)})
       where id = $${first + params.length} and version = $${first + params.length + 1} returning 1`,
    [...params, before.id, before.version],
  )
}

const changedMeanwhile = problemOf('changed-by-somebody-else')

/** A row as what an entry is about. */
export function subjectOf({ name }: { readonly name: string }, { id, version }: FactRow): Subject {
  return { type: name, id, version }
}
