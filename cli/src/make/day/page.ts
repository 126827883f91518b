/** The report as a page for people: no script, nothing fetched. Pure. */
import { safeLine } from '../../text.ts'
import { endText } from './show.ts'
import type { Standing } from './stand.ts'

type Row = readonly (string | number | null)[]
/** `text` of the head of the log. */
type Shown = Record<'day' | 'when' | 'writtenAt' | 'checkpoint', string>

/** ATTACKER: names at systems and purposes are written by others. */
function safe(text: Row[number]): string {
  const marks: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return safeLine(String(text ?? '–'), 300).replace(/[&<>"]/g, each => marks[each] ?? each)
}

export function pageOf({ apps, ...made }: Standing, { day, when, ...at }: Shown): string {
  const blocks = made.blocks.map(each => [each.about, each.system, each.says])
  const ends = apps.map(({ app, owner, backup, how, approver, endsAt, ...each }) => {
    const by = how === 'extended' ? ` by ${approver} until ${endsAt}` : ''
    const file = how === 'verified-gone' ? `${app}.end.json` : null
    return [app, owner, backup, `${how}${by}`, `${each.green} of ${each.of}`, file]
  })
  const outside = made.bornOutside.map(each => {
    return [each.name, each.kind, each.system, each.firstSeenAt, endText(each)]
  })
  const seen = made.systems.map(({ system, because, things, unseen }) => {
    return [system, because ?? 'looked at', things, unseen.join('; ')]
  })
  const state = blocks.length === 0 ? '● closed' : '✕ not closed'
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${safe(day)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}</style>
<h1>${safe(day)}: ${state}</h1>
<p>${safe(when)}. Written ${safe(at.writtenAt)}.</p>
${tableOf('What keeps it open', ['what', 'system', 'why'], blocks)}
${tableOf('Apps', ['app', 'owner', 'backup', 'how', 'verified gone', 'certificate'], ends)}
${tableOf('Born outside', ['name', 'kind', 'system', 'first seen', 'its end'], outside)}
${tableOf('Systems', ['system', 'look', 'not ours there', 'not shown to us'], seen)}
<p>The certificates beside this page are signed, each with its proof of being in the log. The sums here and
what was born outside are what the server said. Check it all without the server:
<code>leasehold verify report.json --root FINGERPRINT</code>.</p>
<h2>Head of the log</h2><pre>${at.checkpoint.split('\n').map(safe).join('\n')}</pre>
</html>
`
}

function tableOf(title: string, heads: Row, rows: readonly Row[]): string {
  const line = (tag: string) => (row: Row) =>
    row.map(each => `<${tag}>${safe(each)}</${tag}>`).join('')
  const lines = [line('th')(heads), ...rows.map(line('td'))].map(row => `<tr>${row}</tr>`)
  return `<h2>${title} (${rows.length})</h2>${rows.length === 0 ? '' : `<table>${lines.join('\n')}</table>`}`
}
