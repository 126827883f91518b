/** The log for people: entries with what they mean, and one entry held against its leaf. */
import type { JsonObject } from '../../core/base/json.ts'
import { limits } from '../../core/base/limits.ts'
import { Problem } from '../../core/base/problem.ts'
import type { Instant } from '../../core/base/time.ts'
import { kindSays } from '../../core/ledger/kind.ts'
import type { Subject } from '../../core/ledger/leaf.ts'
import type { EntryRow } from '../../core/ledger/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import { type OpenedLeaf, openLeaf } from './open-leaf.ts'
import { type EntryFilter, findEntries } from './rows.ts'

export interface LogEntry {
  readonly position: number
  readonly at: Instant
  readonly kind: string
  /** The kind as a sentence without its subject: `made the app`. */
  readonly says: string
  readonly actor: string
  readonly subjects: readonly Subject[]
  readonly facts: JsonObject
  /** By `<id>.<column>` or the writer's own name; `erased` when they are gone for good. */
  readonly words: Readonly<Record<string, string>> | 'erased'
  /** The hashed text: what a proof of this entry is about. */
  readonly leaf: string
  readonly faults: OpenedLeaf['faults']
}

/** A page of the log; newest first unless `after` is given. */
export async function readLog(
  sql: Sql,
  filter: EntryFilter & { readonly limit?: number } = {},
): Promise<LogEntry[]> {
  const limit = Math.min(Math.max(Math.trunc(filter.limit ?? limits.pageRows), 1), limits.pageRows)
  return (await findEntries(sql, filter, limit)).map(present)
}

export async function readEntry(sql: Sql, position: number): Promise<LogEntry> {
  const [entry] = await readLog(sql, { after: position - 1, before: position + 1, limit: 1 })
  if (entry === undefined)
    throw new Problem('not-found', {
      detail: `The log has no entry \`${position}\`.`,
      next: 'See the newest: log',
    })
  return entry
}

function present(row: EntryRow): LogEntry {
  const { body, isErased, faults } = openLeaf(row)
  return {
    position: row.position,
    at: row.at,
    kind: row.kind,
    says: kindSays(row.kind),
    actor: body.actor,
    subjects: body.subjects,
    facts: JSON.parse(row.facts) as JsonObject,
    words: isErased ? 'erased' : (JSON.parse(row.words ?? '{}') as Record<string, string>),
    leaf: row.leaf,
    faults,
  }
}
