/** The report as a page for people: no script, nothing fetched. Pure. */
import { safeLine } from '../../text.ts'
import type { Report } from './stand.ts'

/** ATTACKER: names at systems and purposes are written by others. */
function safe(text: string | number | null): string {
  const shown = safeLine(String(text ?? '–'), 300)
  const marks: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return shown.replace(/[&<>"]/g, each => marks[each] ?? each)
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
code{font-size:.9em;overflow-wrap:anywhere}`

export function pageOf(report: Report): string {
  const { day, closed, writtenAt, apps, systems, bornOutside, blocks, checkpoint } = report
  const words = {
    'verified-gone': '● verified gone',
    graduated: '● graduated',
    extended: '▲ extended',
    'not-yet': '✕ not yet',
  }
  const appRows = apps.map(
    ({ app, owner, backup, how, green, of, approver, endsAt, certificate }) => [
      app,
      `${owner} · ${backup ?? '–'}`,
      how === 'extended' ? `${words[how]} by ${approver} until ${endsAt}` : words[how],
      `${green} of ${of}`,
      certificate === null ? '–' : `${app}.end.json`,
    ],
  )
  const seen = systems.map(({ system, looked, things, unseen, because }) => [
    system,
    looked ? '● looked at' : `✕ ${because}`,
    things,
    unseen.join('; ') || 'nothing',
  ])
  const outside = bornOutside.map(
    ({ name, kind, system, firstSeenAt, owner, endsAt, state, isSettled }) => [
      name,
      kind,
      system,
      firstSeenAt,
      isSettled
        ? state === 'gone' || state === 'revoked'
          ? '● revoked'
          : `● ${owner} until ${endsAt}`
        : '✕ open',
    ],
  )
  const open = blocks.map(({ about, system, says }) => [about, system ?? '–', says])
  const parts = [
    `<h1>${safe(day.name)}: ${closed ? '● closed' : '✕ not closed'}</h1>`,
    `<p>${safe(day.opens)} – ${safe(day.closes)}, everything ends ${safe(day.ends)}. Written ${safe(writtenAt)}.</p>`,
    open.length > 0 ? table('What keeps it open', ['what', 'system', 'why'], open) : '',
    table(
      'Apps',
      ['app', 'owner · backup', 'how it ended', 'verified gone', 'certificate'],
      appRows,
    ),
    table('Born outside', ['name', 'kind', 'system', 'first seen', 'its end'], outside),
    table('Systems', ['system', 'look', 'not ours there', 'not shown to us'], seen),
    '<p>The certificates beside this page are signed, each with its proof of being in the log. The sums here and what was born outside are what the server said. Check all of it without the server: <code>leasehold verify report.json --root FINGERPRINT</code>.</p>',
    `<h2>Head of the log</h2><pre>${checkpoint.split('\n').map(safe).join('\n')}</pre>`,
  ]
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${safe(day.name)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>${style}</style>
${parts.join('\n')}
</html>
`
}

function table(
  title: string,
  heads: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  if (rows.length === 0) return `<h2>${title}</h2><p>None.</p>`
  const cells = (tag: string, row: readonly (string | number)[]) =>
    `<tr>${row.map(each => `<${tag}>${safe(each)}</${tag}>`).join('')}</tr>`
  return `<h2>${title} (${rows.length})</h2><table>${cells('th', heads)}${rows.map(row => cells('td', row)).join('\n')}</table>`
}
