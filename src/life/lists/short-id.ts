/** How people see and type an id that has no name: `L-7K2Q9`. */
import type { Id } from '../../core/base/ids.ts'

/** The first letter of each; a thing was unknown when it was found. */
const letters = {
  request: 'R',
  grant: 'G',
  task: 'T',
  lease: 'L',
  decision: 'D',
  finding: 'F',
  thing: 'U',
} as const
export type ShortKind = keyof typeof letters

/** Five characters of the id's random part; look-ups take any unambiguous length ≥ 4. */
export function shortId<K extends ShortKind>(kind: K, id: Id<K>): string {
  return `${letters[kind]}-${id.slice(3, 8)}`.toUpperCase()
}

/** The kind of a short id, whatever its length. */
export function shortKindOf(text: string): ShortKind | undefined {
  const kinds = Object.keys(letters) as ShortKind[]
  return kinds.find(kind => text.startsWith(`${letters[kind]}-`))
}
