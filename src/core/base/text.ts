/** Rules for text from people and systems: what may be a name, and how any text is shown safely. */
import { limits } from './limits.ts'
import { problemOf } from './problem.ts'

/** Slugs are ASCII and are never normalised: what does not fit is refused. */
export function parseSlug(text: string, field: string): string {
  if (text.length <= limits.slugChars && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text)) return text
  throw problemOf('slug-not-valid', { field })
}

/** Free words of a person: trimmed, bounded, one line, nothing invisible or that turns text around. */
export function parseText(text: string, field: string, maxChars: number = limits.textChars) {
  const trimmed = text.trim()
  if (trimmed === '' || [...trimmed].length > maxChars)
    throw problemOf('text-length', { maxChars, field })
  if (unsafe.test(trimmed) || !trimmed.isWellFormed())
    throw problemOf('text-with-control-characters', { field })
  return trimmed
}

// Control and format characters (bidirectional ones, zero width, tags), line separators, private use,
// blanks that look like nothing, variation selectors but for the one that makes an emoji an emoji.
const unsafe =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\u2800]|(?![\ufe0e\ufe0f])\p{Default_Ignorable_Code_Point}|(?<!\p{Emoji})[\ufe0e\ufe0f]/u
const unsafeGlobal = new RegExp(unsafe.source, 'gu')

/** Any text made safe to print in a terminal, a log line or a page: what could act becomes `·`. */
export function safeText(text: string, maxChars = 200): string {
  const start = Array.from(text.slice(0, 2 * maxChars + 2))
  const shown = start.length <= maxChars ? text : `${start.slice(0, maxChars - 1).join('')}…`
  return shown.toWellFormed().replace(unsafeGlobal, '·')
}
