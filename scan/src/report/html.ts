/**
 * Text for a page. INVARIANT: what is put into a template is escaped unless a template made it.
 * ATTACKER: every name in a report was chosen by somebody else.
 */
import { safeText } from '../../../src/core/base/text.ts'

const most = { chars: 4_000 }

export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Part = Html | string | number | undefined | readonly Part[]

export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.reduce((all, text, i) => `${all}${textOf(parts[i - 1])}${text}`))
}

function textOf(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(textOf).join('')
  return safeText(String(part), most.chars).replace(/[&<>"']/g, each => entities[each] ?? '')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
