/** Rules for text from people and systems: what may be a name, and how any text is shown safely. */
import { limits } from './limits.ts'
import { Problem } from './problem.ts'

/** Slugs are ASCII and are never normalised: what does not fit is refused. */
export function parseSlug(text: string, field: string): string {
  if (text.length <= limits.slugChars && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text)) return text
  throw new Problem('invalid-field', {
    field,
    detail: `\`${field}\` must be lower-case letters, digits and single dashes, at most ${limits.slugChars}.`,
    next: 'For example: deal-desk',
  })
}

/** Free words of a person: trimmed, bounded, no control or bidirectional characters. */
export function parseText(
  text: string,
  field: string,
  maxChars: number = limits.textChars,
): string {
  const trimmed = text.trim()
  if (trimmed === '' || [...trimmed].length > maxChars)
    throw new Problem('invalid-field', {
      field,
      detail: `\`${field}\` must have 1 to ${maxChars} characters.`,
    })
  if (unsafe.test(trimmed) || !trimmed.isWellFormed())
    throw new Problem('invalid-field', {
      field,
      detail: `\`${field}\` holds invisible or control characters.`,
    })
  return trimmed
}

// Control characters, line separators, bidirectional overrides, zero-width and tag characters.
const unsafe =
  /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u
const unsafeGlobal = new RegExp(unsafe.source, 'gu')

/** Any text made safe to print in a terminal, a log line or a page: what could act becomes `·`. */
export function safeText(text: string, maxChars = 200): string {
  const shown = text.toWellFormed().replace(unsafeGlobal, '·')
  return shown.length <= maxChars ? shown : `${shown.slice(0, maxChars - 1)}…`
}
