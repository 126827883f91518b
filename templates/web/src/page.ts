/** The page: whose it is, until when, which kind of data it shows, and the data. Pure. */
import type { App } from './app.ts'
import type { Data } from './data.ts'
import type { Visitor } from './visitor.ts'

const badges = {
  real: '● real data',
  synthetic: '▲ synthetic data',
  refused: '✕ refused',
} as const

/** `nonce`: lets this style and script in, and nothing that came with the data. */
export function pageOf(app: App, data: Data, nonce: string, visitor: Visitor): string {
  const says = {
    real: `${data.resource} ${data.rows.length} rows`,
    synthetic: app.waits,
    refused: data.says,
  }[data.kind]
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${safe(app.name)}</title>
<style nonce="${nonce}">
  body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; color: #14181f; background: #fbfbfc; color-scheme: light }
  header, main { padding: 1rem 1.5rem } header { border-bottom: 1px solid #d5d9e0; background: #fff }
  h1 { margin: 0; font-size: 1.25rem } p { margin: .25rem 0; color: #566070 }
  .real { color: #0f7a3d } .synthetic { color: #8a5a00 } .refused { color: #b3261e }
  main { overflow-x: auto } table { border-collapse: collapse } td, th { padding: .25rem .75rem; text-align: left }
  tr:nth-child(even) { background: #f2f3f5 }
</style>
<header>
  <h1>${safe(app.says)}</h1>
  <p>${greet(visitor)}</p>
  <p>${safe(app.name)} · owner ${safe(app.owner)} · ends ${safe(app.ends)}</p>
  <p role="status"><strong class="${data.kind}">${badges[data.kind]}</strong> ${safe(says)}</p>
</header>
<main tabindex="0" aria-label="Data">${tableOf(data)}</main>
<script nonce="${nonce}">
  const shown = ${JSON.stringify(stateOf(app, data)).replaceAll('<', '\\u003c')}
  setInterval(async () => {
    const now = await fetch('/state').then(answer => answer.text()).catch(() => shown)
    if (now !== shown) location.reload()
  }, 2000)
</script>
`
}

function greet({ kind, name }: Visitor): string {
  return kind === 'known' ? `Hello ${safe(name)}` : `Hello ${safe(name)}: nobody else sees it here`
}

/** Changes when the page has something else to say. */
export function stateOf({ owner, ends, waits }: App, { kind, says }: Data): string {
  return [kind, says, owner, ends, kind === 'synthetic' ? waits : ''].join(' · ')
}

function tableOf({ columns, rows }: Data): string {
  const cells = (tag: string, texts: readonly string[]) =>
    `<tr>${texts.map(text => `<${tag}>${safe(text)}</${tag}>`).join('')}</tr>`
  const body = rows.map(row =>
    cells(
      'td',
      columns.map(name => row[name] ?? '–'),
    ),
  )
  return rows.length === 0 ? '' : `<table>${cells('th', columns)}${body.join('')}</table>`
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
