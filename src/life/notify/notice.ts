/**
 * What people and systems outside are told of, and the port of what carries it to them. Kept of it are ids,
 * enums, numbers and instants. Names are read when it is told, and are text of strangers; what was asked with,
 * its reason and every value stay here.
 */
import type { JsonObject } from '../../core/base/json.ts'
import type { Instant } from '../../core/base/time.ts'
import type { Word } from '../../core/base/words.ts'

/**
 * One telling, by one channel. `id` is the same each time it is told, so that who takes it twice can tell. `kind`
 * is as `request.created`; `about` the id of the thing, `personId` whom it is for, or '' for the place that the
 * channel has. Of one `thread` the last message may be said anew; a quiet telling is that, or nothing.
 */
export interface Telling
  extends Readonly<Record<Word<'id channel personId kind about thread'>, string>> {
  readonly facts: JsonObject
  readonly at: Instant
  readonly dueAt: Instant
  readonly quiet: boolean
}

export type Person = Readonly<Record<'id' | 'name' | 'state', string>> & { email: string | null }

export type Said = Record<'words' | 'resourceId', string | null> & { actions: string[] | null }

/** What it is told with, read at that moment. */
export interface Notice extends Telling {
  /** What was answered when the message was told that this one takes the place of. */
  readonly before: string | null
  /** The sentence of a finding; of a request for data, what is asked to be done, and with what. */
  readonly said: Said | undefined
  /** Whom the facts name. */
  readonly people: readonly Person[]
  readonly to: Person | undefined
}

/** What an entry of this kind made of a row of this table. */
export type Happened = Readonly<Record<'table' | 'kind', string>> & { at: Instant; row: JsonObject }
/** Facts as they are now; those that are kept in memory. */
export interface View {
  find(table: string, id: string): JsonObject | undefined
  all(table: string): readonly JsonObject[]
}

/** Carries what it is given, by channels with names. All but `tell` is pure. */
export interface Carrier {
  readonly channels: readonly string[]
  tellingsOf(happened: Happened, view: View): readonly Telling[]
  /** Of an app whose end came near since an instant. */
  warningsOf(app: JsonObject, from: Instant, to: Instant): readonly Telling[]
  /** When it is tried again after so many tries; null: never. */
  nextTry(tries: number, now: Instant): Instant | null
  /** Rejects with what may stand in a log. Null: nobody had to be told. The same may come again. */
  tell(notice: Notice, view: View, signal: AbortSignal): Promise<string | null>
}
