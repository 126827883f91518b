/**
 * Reads checkpoints (c2sp.org/tlog-checkpoint@v1.0.0): what was said about the log, by whom. Pure.
 */
import type { Vkey } from '../../core/ledger/note.ts'
import { hashBytes } from '../../core/ledger/tree.ts'
import { fromBase64, openNote, refused } from './open-note.ts'

export type Checkpoint = ReturnType<typeof openCheckpoint>

/** Verifies and reads a checkpoint. The origin is the name of a key that signed it, compared literally. */
export function openCheckpoint(note: string, vkeys: readonly Vkey[]) {
  const { text, names } = openNote(note, vkeys)
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n')
  const hash = fromBase64(root)
  if (!names.includes(origin)) throw refused('it speaks for another log than its key')
  if (hash?.length !== hashBytes || extensions.includes('')) throw refused('its form is not known')
  return { origin, size: parseCount(size), root: hash }
}

/** ASCII decimal without leading zeroes. */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!/^(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(count))
    throw refused('a number can not be read')
  return count
}
