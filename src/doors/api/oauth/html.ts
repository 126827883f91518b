/** HTML that is safe by construction: what is put in is text unless it was made here. No script. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../../core/base/problem.ts'
import { product } from '../../../core/base/product.ts'
import { safeText } from '../../../core/base/text.ts'

export interface Html {
  readonly html: string
}

type Part = string | number | Html | readonly Html[] | undefined

/** Template tag: strings become text, also inside double-quoted attributes. */
export function html(fixed: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let out = fixed[0] ?? ''
  for (const [i, part] of parts.entries()) out += render(part) + (fixed[i + 1] ?? '')
  return { html: out }
}

function render(part: Part): string {
  if (part === undefined) return ''
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part))
  return 'html' in part ? part.html : part.map(each => each.html).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return safeText(text, 2000).replaceAll(/[&<>"']/g, letter => entities[letter] ?? '')
}

/** What a file of `pages/` says, with these in the places it names: `{{name}}`. A place nobody fills is a bug. */
export function fill(file: string, parts: Readonly<Record<string, Part>>): Html {
  const text = readFileSync(join(import.meta.dirname, 'pages', `${file}.html`), 'utf8')
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => {
    assert(Object.hasOwn(parts, name), `pages/${file}.html has a place for ${name}`)
    return render(parts[name])
  })
  return { html: filled }
}

export function page(title: string, content: Html): Html {
  return fill('page', { title, content, product: product.name })
}

export const style = readFileSync(join(import.meta.dirname, 'pages/style.css'), 'utf8')
