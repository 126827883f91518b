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

export const style = `:root { color-scheme: light dark;
  --bg: #fbfbfc; --panel: #fff; --line: #d5d9e0; --text: #14181f; --muted: #566070;
  --accent: #1d4fd7; --on-accent: #fff; --ok: #0f7a3d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --bg: #0e1116; --panel: #161b22; --line: #303844; --text: #e8ecf2; --muted: #a3adbb;
  --accent: #8ab0ff; --on-accent: #0e1116; --ok: #57d68d; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main { max-width: 36rem; margin: 0 auto; padding: 1rem; }
header a { color: var(--muted); font-weight: 600; text-decoration: none; }
h1 { font-size: 1.5rem; line-height: 1.25; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem;
  background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; }
dt { color: var(--muted); } dd { margin: 0; }
code { font: 1em ui-monospace, monospace; }
.code { font-size: 1.5rem; letter-spacing: .1em; }
.muted { color: var(--muted); } .ok { color: var(--ok); } .bad { color: var(--bad); }
label { display: block; font-weight: 600; margin-top: 1rem; }
input { width: 100%; min-height: 2.5rem; padding: .25rem .75rem; font: inherit; color: inherit;
  background: var(--panel); border: 1px solid var(--muted); border-radius: .5rem; }
input[type=radio] { width: auto; min-height: 0; }
button, .button { display: inline-block; min-height: 2.75rem; min-width: 6rem; padding: .5rem 1.25rem;
  margin: 1rem .5rem 0 0; font: inherit; font-weight: 600; text-decoration: none; cursor: pointer;
  color: var(--on-accent); background: var(--accent); border: 1px solid var(--accent);
  border-radius: .5rem; }
button.second { color: var(--text); background: var(--panel); border-color: var(--muted); }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`
