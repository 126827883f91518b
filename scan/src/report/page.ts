/**
 * The page: one file that needs nothing else, says the three numbers first, and then what a person can
 * do about them. It fetches nothing; its style and its one script are named by their hashes.
 */
import { readFileSync } from 'node:fs'
import { sha256 } from '../../../src/core/base/hash.ts'
import { chart } from './chart.ts'
import { type Html, html, Html as Raw } from './html.ts'
import { callsPart, firstPart, jobsPart, madePart, marked, unseenPart } from './parts.ts'
import { allPart } from './rows.ts'
import type { Counts, Page } from './totals.ts'

const file = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')

export function pageOf(page: Page): string {
  const [style, script] = [file('page.css'), file('page.js')]
  const hash = (text: string) => `'sha256-${sha256(text).toString('base64')}'`
  // A page that somebody is sent must not be able to reach anything, whatever a name in it says.
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const { scanned, totals } = page
  const title = `What is there: ${scanned.sources.map(({ name }) => name).join(', ')}`
  const whole = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Raw(style)}</style>
</head>
<body>
<main>
${headPart(page)}
${threePart(page)}
${firstPart(totals)}
<section aria-labelledby="h-age"><h2 id="h-age">How old it is</h2>${chart(totals.byAge)}</section>
${systemsPart(page)}
${jobsPart(totals, scanned.facts)}
${allPart(page)}
${unseenPart(scanned)}
${callsPart(scanned)}
${madePart(page)}
</main>
<script>${new Raw(script)}</script>
</body>
</html>
`
  return whole.text
}

function headPart({ scanned, totals }: Page): Html {
  const { sources, startedAt, endedAt, isWhole } = scanned
  const missing = sources.filter(({ state }) => state !== 'whole')
  const when = `${endedAt.slice(0, 16).replace('T', ' ')} UTC`
  const minutes = Math.max(1, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 60_000))
  const read = sources.filter(({ state }) => state !== 'not read').length
  const places = `${read < sources.length ? `${read} of ` : ''}${sources.length}`
  const people = totals.all.people.toLocaleString('en')
  return html`<header>
<p class="quiet">Leasehold scan · ${when} · took ${minutes} min · read only, nothing was changed</p>
<h1>${totals.all.access.toLocaleString('en')} identities and keys in ${places} ${sources.length === 1 ? 'system' : 'systems'}</h1>
<p>None of them is a person’s own account; of those there are ${people} beside them.</p>
${
  isWhole
    ? ''
    : html`<div class="warn" role="note"><p><strong>This report is incomplete.</strong> What is missing here can not be told from what is not there.</p><ul>${missing.map(
        ({ name, state, why = '', next = '' }) =>
          html`<li><strong>${name}</strong> was ${state}: ${marked(`${why} ${next}`)}</li>`,
      )}</ul></div>`
}
</header>`
}

function threePart({ totals, hasKnown }: Page): Html {
  const { all } = totals
  const known = hasKnown
    ? 'Not in the list of what is known that was given.'
    : 'Written down nowhere: no list of what is known was given (--known).'
  const unsaid = all.endUnsaid > 0 ? ` Of ${all.endUnsaid} more the system does not say.` : ''
  const numbers = [
    ['u', 'unknown', all.unknown, known],
    ['o', 'ownerless', all.ownerless, 'Nobody who is still there can be named for it.'],
    ['n', 'never-ending', all.neverEnding, `It stops when somebody stops it.${unsaid}`],
  ] as const
  return html`<section aria-label="Three numbers" class="three">${numbers.map(
    ([show, word, count, says]) => html`<div class="number n-${show}">
<p><a href="#all" data-show="${show}"><span class="big">${count.toLocaleString('en')}</span> <span class="word">${word}</span></a></p>
<p class="quiet">${share(count, all.access)} ${says}</p></div>`,
  )}</section>`
}

function share(count: number, of: number): string {
  return of === 0 ? '' : `${Math.round((100 * count) / of)} %.`
}

const columns: readonly (readonly [string, keyof Counts])[] = [
  ['Identities and keys', 'access'],
  ['Unknown', 'unknown'],
  ['Ownerless', 'ownerless'],
  ['Never-ending', 'neverEnding'],
  ['Unused', 'unused'],
  ['Use not told', 'useUntold'],
  ['People', 'people'],
]

function systemsPart({ scanned, totals }: Page): Html {
  return html`<section aria-labelledby="h-systems"><h2 id="h-systems">By system</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="h-systems"><table class="figures">
<thead><tr><th scope="col">System</th><th scope="col">Read</th>${columns.map(
    ([head]) => html`<th scope="col">${head}</th>`,
  )}</tr></thead>
<tbody>${scanned.sources.map(({ name, state }) => {
    const counts = totals.bySystem.get(name)
    const isRead = state !== 'not read'
    return html`<tr><th scope="row">${name}</th><td>${state}</td>${columns.map(
      ([, member]) => html`<td>${isRead ? (counts?.[member] ?? 0).toLocaleString('en') : '?'}</td>`,
    )}</tr>`
  })}</tbody></table></div>
<p class="quiet">Unused: not for 90 days where the system tells its use, or a secret that no workflow of its repository names. “Use not told” may be used every day.</p></section>`
}
