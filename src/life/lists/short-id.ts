/** How people see and type an id that has no name: `L-7K2Q9`. */
import type { Id } from '../../core/base/ids.ts'

const shortLetters = {
  request: 'R',
  grant: 'G',
  task: 'T',
  lease: 'L',
  decision: 'D',
  finding: 'F',
} as const
type ShortKind = keyof typeof shortLetters

/** Five characters of the id's random part; look-ups take any unambiguous length ≥ 4. */
export function shortId<K extends ShortKind>(kind: K, id: Id<K>): string {
  return `${shortLetters[kind]}-${id.slice(3, 8).toUpperCase()}`
}
