/** The page: whose it is, until when, which kind of data it has, and the cells with what they showed. Pure. */
import type { App } from './app.ts'
import type { Ran, Shown } from './cells.ts'
import type { Data } from './data.ts'

const badges = {
  real: '● real data',
  synthetic: '▲ synthetic data',
  refused: '✕ refused',
} as const

export function pageOf(app: App, data: Data, ran: readonly Ran[], state: string): string {
  return `<!doctype html>
<html lang="en" data-state="${safe(state)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${safe(app.name)}</title>
<link rel="stylesheet" href="/page.css">
<script src="/page.js" defer></script>
<header>
  <p>${safe(app.name)} · owner ${safe(app.owner)} · ends ${safe(app.ends)}</p>
  <p role="status"><strong class="${data.kind}">${badges[data.kind]}</strong> ${safe(saysOf(app, data))}</p>
</header>
<main>${ran.map(cellOf).join('')}</main>
`
}

/** For a terminal. */
export function printed(app: App, data: Data, ran: readonly Ran[]): string {
  const cells = ran.flatMap(({ says, shown, failed }) => {
    const lines = shown.map(one =>
      'text' in one ? one.text : [one.columns, ...one.rows].map(row => row.join('\t')).join('\n'),
    )
    return [says, ...lines, ...(failed === '' ? [] : [`✕ ${failed}`])]
  })
  return [`${badges[data.kind]}: ${saysOf(app, data)}`, ...cells].join('\n\n')
}

export function saysOf({ waits }: App, { kind, says, resource, rows }: Data): string {
  return { real: `${resource} ${rows.length} rows`, synthetic: waits, refused: says }[kind]
}

function cellOf({ says, code, shown, failed }: Ran): string {
  const words = says
    .split(/\n{2,}/)
    .filter(Boolean)
    .map(wordsOf)
    .join('')
  const source = code === '' ? '' : `<pre><code>${safe(code.trim())}</code></pre>`
  const stopped = failed === '' ? '' : `<p class="refused"><strong>✕</strong> ${safe(failed)}</p>`
  return `<section>${words}${source}${shown.map(shownAs).join('')}${stopped}</section>`
}

function wordsOf(text: string): string {
  const [, marks = '', rest = text] = /^(#{1,3}) (.*)$/s.exec(text) ?? []
  const tag = marks === '' ? 'p' : `h${marks.length}`
  const plain = rest.replace(/\\([[\]<>`\\*#|])/g, '$1')
  return `<${tag}>${safe(plain).replace(/`([^`]+)`/g, '<code>$1</code>')}</${tag}>`
}

function shownAs(one: Shown): string {
  if ('text' in one) return `<pre class="shown">${safe(one.text)}</pre>`
  const line = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map(cell => `<${tag}>${safe(cell)}</${tag}>`).join('')}</tr>`
  const head = one.columns.some(Boolean) ? line('th', one.columns) : ''
  const body = one.rows.map(row => line('td', row)).join('')
  return `<div class="shown" role="region" tabindex="0" aria-label="Result"><table>${head}${body}</table></div>`
}

const unsafe: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&#39;',
}

function safe(text: string): string {
  return text.replace(/[<>&"']/g, each => unsafe[each] ?? '')
}
