/** The table of what was found: the worst first, to sort and to filter without any network. */
import { isOldKey, type Judged } from '../judge.ts'
import { type Html, html } from './html.ts'
import { isUnused, most, type Page, worst } from './totals.ts'

const heads = ['What', 'Where', 'Owner', 'Made', 'Last used', 'Ends', 'Notes'] as const
const shows = [
  ['', 'everything'],
  ['u', 'unknown'],
  ['o', 'ownerless'],
  ['n', 'never-ending'],
  ['x', 'unused'],
  ['c', 'CI jobs with stored keys'],
] as const

export function allPart({ scanned, totals }: Page): Html {
  const rows = worst(totals.rows, most.rows)
  const more = totals.all.access - rows.length
  return html`<section aria-labelledby="all"><h2 id="all">All of it, the worst first</h2>
${more > 0 ? html`<p>The ${rows.length.toLocaleString('en')} worst are here; ${more.toLocaleString('en')} more are in the JSON file.</p>` : ''}
<form class="tools" hidden><label>Find <input type="search" id="find" autocomplete="off"></label>
<label>Show <select id="show">${shows.map(([value, word]) => html`<option value="${value}">${word}</option>`)}</select></label>
<label>System <select id="system"><option value="">all</option>${scanned.sources.map(({ name }) => html`<option>${name}</option>`)}</select></label>
<output id="count" aria-live="polite"></output></form>
<table id="things" class="cards" role="table" aria-labelledby="all">
<thead role="rowgroup"><tr role="row">${heads.map(head => html`<th scope="col" role="columnheader">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows.map(rowOf)}</tbody></table></section>`
}

function rowOf(one: Judged): Html {
  const [owner, ...others] = one.ownerCandidates
  const { madeAt, ageDays, unusedDays } = one
  const about = [
    ...one.notes,
    ...(one.isUnnamed ? ['no workflow of its repository names it'] : []),
    ...(isOldKey(one) ? ['older than 90 days'] : []),
    ...(one.ours ? ['made by Leasehold'] : []),
  ]
  return html`<tr role="row" data-is="${flagsOf(one)}" data-system="${one.system}">
<td role="cell" data-h="What"><strong>${one.name}</strong><br><span class="quiet">${one.kind}</span></td>
<td role="cell" data-h="Where">${one.where}<br><span class="quiet">${one.system}</span></td>
<td role="cell" data-h="Owner">${
    owner === undefined
      ? html`<span class="bad">✕ nobody named</span>`
      : html`${one.isOwnerless ? html`<span class="bad">✕ nobody now</span><br>` : ''}${owner.who}<br><span class="quiet">${owner.evidence}${others.length > 0 ? `; ${others.length} more` : ''}</span>`
  }</td>
<td role="cell" data-h="Made" data-v="${madeAt ?? ''}">${madeAt === null ? html`<span class="quiet">not told</span>` : html`${madeAt.slice(0, 10)}<br><span class="quiet">${span(ageDays ?? 0)} ago</span>`}</td>
<td role="cell" data-h="Last used" data-v="${one.lastUsedAt ?? (one.isUseTold ? '0' : '')}">${usedText(one, unusedDays)}</td>
<td role="cell" data-h="Ends" data-v="${one.endsAt ?? ''}">${endText(one)}</td>
<td role="cell" data-h="Notes">${about.join('; ')}</td></tr>
`
}

function flagsOf(one: Judged): string {
  const flags: [boolean, string][] = [
    [!one.isKnown, 'u'],
    [one.isOwnerless, 'o'],
    [one.neverEnds === true, 'n'],
    [isUnused(one), 'x'],
    [one.recipe !== undefined, 'c'],
  ]
  return flags.flatMap(([is, flag]) => (is ? [flag] : [])).join(' ')
}

function usedText({ lastUsedAt, isUseTold }: Judged, unusedDays: number | null): Html {
  if (lastUsedAt !== null)
    return html`${lastUsedAt.slice(0, 10)}<br><span class="quiet">${span(unusedDays ?? 0)} ago</span>`
  return isUseTold
    ? html`<span class="bad">✕ never</span>`
    : html`<span class="quiet">not told</span>`
}

function endText({ endsAt, neverEnds }: Judged): Html {
  if (endsAt !== null) return html`${endsAt.slice(0, 10)}`
  return neverEnds === true
    ? html`<span class="bad">✕ never</span>`
    : html`<span class="quiet">not told</span>`
}

function span(days: number): string {
  if (days < 60) return days === 1 ? '1 day' : `${days} days`
  return days < 730 ? `${Math.round(days / 30)} months` : `${Math.floor(days / 365)} years`
}
