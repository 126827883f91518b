/** How people see and type an id that has no name: `L-7K2Q9`. */
import type { Id } from '../../core/base/ids.ts'

const shortKinds = ['request', 'grant', 'task', 'lease', 'decision', 'finding'] as const
export type ShortKind = (typeof shortKinds)[number]

/** Five characters of the id's random part; look-ups take any unambiguous length ≥ 4. */
export function shortId<K extends ShortKind>(kind: K, id: Id<K>): string {
  return `${kind.charAt(0)}-${id.slice(3, 8)}`.toUpperCase()
}

/** The kind of a short id, whatever its length: each begins with the first letter of its kind. */
export function shortKindOf(text: string): ShortKind | undefined {
  return shortKinds.find(kind => text.startsWith(`${kind.charAt(0).toUpperCase()}-`))
}
