/**
 * Text made safe for a terminal. ATTACKER: names, purposes and reasons are written by others; one
 * that could move the cursor, hide letters or turn the direction of reading must not reach a person.
 */

// Control characters (ESC, C1, CR, LF, tab), line separators, directions, zero width, tags.
const unsafe =
  /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

/** One line, whatever came: what could act is shown as `·`. */
export function safeLine(text: string, maxChars = 1000): string {
  const shown = text.toWellFormed().replace(unsafe, '·')
  return shown.length <= maxChars ? shown : `${shown.slice(0, maxChars - 1)}…`
}

/** JSON that a terminal can show: the same value, what could act written as `\uXXXX`. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(unsafe, escaped)
}

function escaped(text: string): string {
  if (text === '\n') return text
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))
  return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

/** `ls_7k2q9…` as people see it: `L-7K2Q9`. */
export function shortIds(text: string): string {
  const short = (id: string) => `${id.charAt(0)}-${id.slice(3, 8)}`.toUpperCase()
  return text.replace(/\b(rq|gr|tk|ls|dc|fi)_[0-9a-z]{26}\b/g, short)
}

/** A command as the server says it, with our name or without, as we say it. */
export function named(command = ''): string {
  return command.replace(/^(?:(?:leasehold|\.\/lh) )?(?=\S)/, 'leasehold ')
}

/** Pads by what is seen, not by code units. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length))
}
