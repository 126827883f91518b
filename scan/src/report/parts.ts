/** The parts of the page below the numbers: keys in CI and what ends them, what is missing, how it was made. */
import { product } from '../../../src/core/base/product.ts'
import { ownerText, unusedAfterDays } from '../judge.ts'
import { recipes } from '../recipes.ts'
import type { Scanned } from '../scan.ts'
import type { Facts } from '../source.ts'
import { type Html, html } from './html.ts'
import { most, type Page, type Totals, worst } from './totals.ts'

/** `1 job`, `2 jobs`, `1,000 jobs`. */
function many(count: number, one: string, more = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : more}`
}

/** What a person can do today, in three lines. */
export function firstPart({ byRecipe, all }: Totals): Html {
  const cloud = [...byRecipe].filter(([name]) => recipes[name]?.isCloud === true)
  const jobs = cloud.reduce((sum, [, of]) => sum + of.jobs, 0)
  const count = (of: number, one: string, many: string) =>
    html`<strong>${of.toLocaleString('en')}</strong> ${of === 1 ? one : many}`
  return html`<section aria-labelledby="h-first"><h2 id="h-first">What to do first</h2><ol>
<li>${count(jobs, 'CI job keeps', 'CI jobs keep')} a key of a cloud. <a href="#h-jobs">Two lines each, and one step in that cloud, end it.</a></li>
<li>${count(all.left, 'is', 'are')} in the hands of somebody who is no member any more: find an owner, or end it.</li>
<li>${count(all.unused, 'shows', 'show')} no use: <a href="#all" data-show="x">ask, then end these</a>, one system at a time. What is not seen to be used may still be.</li>
</ol></section>`
}

export function jobsPart({ byRecipe }: Totals, facts: Facts): Html {
  if (facts.repositoriesRead === 0) return html``
  const order = Object.keys(recipes)
  const kinds = [...byRecipe].toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  const jobs = kinds.reduce((sum, [, { jobs: count }]) => sum + count, 0)
  return html`<section aria-labelledby="h-jobs"><h2 id="h-jobs">CI that keeps stored keys, and the lines that end it</h2>
<p>In the workflows of ${many(facts.repositoriesRead, 'repository', 'repositories')}: ${many(jobs, 'job')} that can read a secret which outlives them, and ${facts.federated.toLocaleString('en')} that sign in without one.</p>
${kinds.map(([name, of]) => {
  const recipe = recipes[name]
  const shown = worst(of.rows, most.jobs)
  const more = of.jobs - shown.length
  return html`<div class="recipe"><h3>${recipe?.what ?? name}: ${many(of.jobs, 'job')}, ${many(of.repositories.size, 'repository', 'repositories')}</h3>
${recipe?.lines.length ? html`<pre><code>${recipe.lines.map(line => html`${line}\n`)}</code></pre>` : ''}
<p class="quiet">${recipe?.once}</p>
<details><summary>Which jobs</summary><ul>${shown.map(
    job =>
      html`<li><strong>${job.where}</strong> ${job.path}, line ${job.line}, job ${job.name.split('/').at(-1)}: ${job.notes.join('; ')}. First to ask: ${ownerText(job)}</li>`,
  )}</ul>${more > 0 ? html`<p>${more} more are in the JSON file.</p>` : ''}</details></div>`
})}</section>`
}

export function unseenPart({ unseen, sources }: Scanned): Html {
  const absent = sources
    .filter(({ state }) => state !== 'whole')
    .map(({ name, state, why = '', next = '' }) => ({
      system: name,
      what: state === 'not read' ? 'all of it' : 'what had not been read yet',
      needs: `${why} ${next}`,
      times: 1,
    }))
  return html`<section aria-labelledby="h-unseen"><h2 id="h-unseen">What could not be seen</h2>
<p>Not in any number above. What is not seen is not gone.</p>
<div class="scroll" tabindex="0" role="region" aria-labelledby="h-unseen"><table>
<thead><tr><th scope="col">System</th><th scope="col">What</th><th scope="col">What would show it</th></tr></thead>
<tbody>${[...absent, ...unseen].map(
    ({ system, what, needs, times }) =>
      html`<tr><th scope="row">${system}</th><td>${what}${times > 1 ? ` (${times.toLocaleString('en')} times)` : ''}</td><td>${marked(needs)}</td></tr>`,
  )}</tbody></table></div></section>`
}

export function callsPart({ calls, keptBack }: Scanned): Html {
  const sum = calls.reduce((all, { times }) => all + times, 0)
  return html`<section aria-labelledby="h-calls"><h2 id="h-calls">Every call that was made</h2>
<p>${many(sum, 'call')}, each of them reading. ${keptBack === 0 ? 'None had to be kept back.' : `${keptBack} that would do more were kept back: a fault of ours.`}</p>
<details><summary>By shape</summary><div class="scroll" tabindex="0" role="region" aria-labelledby="h-calls"><table class="figures">
<thead><tr><th scope="col">System</th><th scope="col">Call</th><th scope="col">Times</th></tr></thead>
<tbody>${calls.map(
    ({ system, shape, times }) =>
      html`<tr><th scope="row">${system}</th><td class="text"><code>${shape}</code></td><td>${times.toLocaleString('en')}</td></tr>`,
  )}</tbody></table></div></details></section>`
}

export function madePart({ scanned }: Page): Html {
  const words = [
    [
      'Identity or key',
      'A key, token, bot, account, App, webhook, runner or CI job with a stored key. People’s own accounts and roles nobody signs in with are counted apart.',
    ],
    ['Unknown', 'Neither made by Leasehold nor in the list given with --known.'],
    [
      'Owner',
      'Named by evidence, and a guess until that person says so: written down; CODEOWNERS; whose token it is; who added it; who changed the workflow last. One who is no member any more counts for nothing.',
    ],
    ['Ownerless', 'No evidence names a person or team that is still there.'],
    ['Never-ending', 'The system lets it work until somebody stops it.'],
    [
      'Unused',
      `For more than ${unusedAfterDays} days, where the system tells; or a secret that no readable workflow of its repository names.`,
    ],
  ]
  return html`<section aria-labelledby="h-made"><h2 id="h-made">How this was made</h2>
<p>By ${product.name} ${product.version}, on one computer, between ${scanned.startedAt} and ${scanned.endedAt}, with the rights of who ran it. Of secrets only names were read; the value of a variable, which GitHub sends along, is not kept, and neither is the text of a workflow. No server was asked; nothing was sent anywhere else.</p>
<dl>${words.map(([word, says]) => html`<dt>${word}</dt><dd>${says}</dd>`)}</dl></section>`
}

/** Words between back-ticks are shown as such. */
export function marked(text: string): Html[] {
  return text
    .split('`')
    .map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))
}
