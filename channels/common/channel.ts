/** One channel: what it is given to tell, and how it says whom it reaches. */
import type { JsonObject } from '../../src/core/base/json.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { words } from '../../src/core/base/words.ts'
import type { Person } from '../../src/life/notify/notice.ts'

export const kinds = words(
  'request.created request.closed finding.raised finding.closed',
  'app.ending app.extended app.paused app.resumed app.ended',
)
export type Kind = (typeof kinds)[number]

/**
 * In words. INVARIANT: no control character, no line break and no address but `link` is in `title` and
 * `text`; they still hold what strangers wrote, and each channel escapes them for what it speaks.
 */
export interface Message {
  readonly id: string
  readonly kind: Kind
  readonly about: string
  readonly at: Instant
  /** Messages of one thread are about the same. */
  readonly thread: string
  readonly facts: JsonObject
  readonly title: string
  readonly text: string
  /** What can be done, and where: a page of ours, where nothing is done before somebody signed in. */
  readonly step: string
  readonly link: string
  /** Undefined: whoever is at the place that the channel has. */
  readonly to: Person | undefined
  /** What `tell` answered of the message to be said anew, or nothing is said; null: it is a new one. */
  readonly instead: string | null
}

export interface Channel {
  readonly name: string
  readonly kinds: readonly Kind[]
  /** `feed`: all of it, to a program. Else those concerned, and who is at its place. */
  readonly reaches: 'feed' | 'people' | 'people-and-place'
  /** Can say anew, in place, what it said. */
  readonly updates: boolean
  /** Rejects with a text that may stand in a log. Null: there was nobody to tell. */
  tell(message: Message, signal: AbortSignal): Promise<string | null>
}
