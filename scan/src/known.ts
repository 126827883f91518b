/**
 * What a company already knows: a file with one thing a line, its id as a report gives it, then a tab
 * and who answers for it where that is known. Without it everything is unknown but what is ours.
 */
import { shown } from './thing.ts'

/** From the id to its owner; empty where none was written. */
export type Known = ReadonlyMap<string, string>

const most = { lines: 200_000 }

export function readKnown(text: string): Known {
  const lines = text.split('\n', most.lines).map(line => line.trimEnd().split('\t'))
  return new Map(
    lines
      .filter(([id = '']) => id !== '' && !id.startsWith('#'))
      .map(([id = '', owner = '']) => [id, shown(owner)]),
  )
}
