/**
 * `like`: a text against a pattern in which a star stands for any characters, none included.
 *
 * Without going back: between the fixed beginning and the fixed end each piece is taken at the first
 * place it stands, which is enough when every piece has a star on both sides.
 */
import { NotExact } from './types.ts'
import { spend, type Work } from './value.ts'

/** Pattern: Cedar's JSON form, `"Wildcard"` and `{"Literal": text}` in turn. */
export function compileLike(pattern: readonly unknown[]): (text: string, work: Work) => boolean {
  const [first = '', ...rest] = piecesOf(pattern)
  const last = rest.pop()
  if (last === undefined) return text => text === first
  const least = first.length + last.length
  return (text, work) => {
    spend(work, (text.length >> 4) * (rest.length + 1))
    if (text.length < least || !text.startsWith(first) || !text.endsWith(last)) return false
    const end = text.length - last.length
    let at = first.length
    for (const piece of rest) {
      const found = text.indexOf(piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= end
  }
}

/** The fixed pieces between the stars; one more than there are stars. */
function piecesOf(pattern: readonly unknown[]): string[] {
  const pieces = ['']
  for (const element of pattern as readonly ('Wildcard' | { Literal?: unknown } | null)[]) {
    const literal = element === 'Wildcard' ? '' : element?.Literal
    if (typeof literal !== 'string' || !literal.isWellFormed())
      throw new NotExact('a pattern is not known')
    if (element === 'Wildcard') pieces.push('')
    else pieces.push(`${pieces.pop() ?? ''}${literal}`)
  }
  return pieces
}
