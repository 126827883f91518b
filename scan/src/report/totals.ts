/** The numbers of a report, and the few rows a page can hold: folded from one thing after another. */
import { type Judged, unusedAfterDays } from '../judge.ts'
import type { Scanned } from '../scan.ts'

export const most = { rows: 2_000, jobs: 60 }

export interface Counts {
  access: number
  people: number
  rights: number
  unknown: number
  ownerless: number
  neverEnding: number
  /** The system does not say whether it ends. */
  endUnsaid: number
  unused: number
  /** Whoever made it or changed it last is no member any more. */
  left: number
  useUntold: number
}

export const ages = [
  'to 30 days',
  'to 90 days',
  'to 1 year',
  'to 2 years',
  'older',
  'not told',
] as const
const ageEnds = [30, 90, 365, 730, Infinity]

export interface Totals {
  readonly all: Counts
  readonly bySystem: Map<string, Counts>
  /** Of each age: with an owner, and without. */
  readonly byAge: { owned: number; ownerless: number }[]
  readonly byRecipe: Map<string, { jobs: number; repositories: Set<string>; rows: Judged[] }>
  rows: Judged[]
}

/** All that a page is made of. */
export interface Page {
  readonly scanned: Scanned
  readonly totals: Totals
  readonly hasKnown: boolean
}

export function newTotals(): Totals {
  return {
    all: none(),
    bySystem: new Map(),
    byAge: ages.map(() => ({ owned: 0, ownerless: 0 })),
    byRecipe: new Map(),
    rows: [],
  }
}

export function fold(totals: Totals, one: Judged): void {
  const own = totals.bySystem.get(one.system) ?? none()
  totals.bySystem.set(one.system, own)
  for (const counts of [totals.all, own]) count(counts, one)
  if (one.group !== 'access') return
  const at =
    one.ageDays === null ? ages.length - 1 : ageEnds.findIndex(end => (one.ageDays ?? 0) <= end)
  const age = totals.byAge[at]
  if (age !== undefined) age[one.isOwnerless ? 'ownerless' : 'owned'] += 1
  totals.rows.push(one)
  if (totals.rows.length > 2 * most.rows) totals.rows = worst(totals.rows, most.rows)
  if (one.recipe !== undefined) foldJob(totals, one, one.recipe)
}

/** The worst first; where two are as bad, by name, so that two reports of one state are the same. */
export function worst(rows: readonly Judged[], howMany: number): Judged[] {
  const order = (a: Judged, b: Judged) => b.rank - a.rank || (a.id < b.id ? -1 : 1)
  return rows.toSorted(order).slice(0, howMany)
}

export function isUnused({ unusedDays, isUnnamed }: Judged): boolean {
  return isUnnamed || (unusedDays !== null && unusedDays > unusedAfterDays)
}

function foldJob({ byRecipe }: Totals, one: Judged, recipe: string): void {
  const of = byRecipe.get(recipe) ?? { jobs: 0, repositories: new Set<string>(), rows: [] }
  byRecipe.set(recipe, of)
  of.jobs += 1
  of.repositories.add(one.where)
  of.rows.push(one)
  if (of.rows.length > 2 * most.jobs) of.rows = worst(of.rows, most.jobs)
}

function count(counts: Counts, one: Judged): void {
  if (one.group === 'person') counts.people += 1
  if (one.group === 'rights') counts.rights += 1
  if (one.group !== 'access') return
  counts.access += 1
  if (!one.isKnown) counts.unknown += 1
  if (one.isOwnerless) counts.ownerless += 1
  if (one.neverEnds === true) counts.neverEnding += 1
  if (one.neverEnds === null) counts.endUnsaid += 1
  if (isUnused(one)) counts.unused += 1
  if (one.isOwnerless && one.ownerCandidates.length > 0) counts.left += 1
  if (!one.isUseTold && !one.isUnnamed) counts.useUntold += 1
}

const none = (): Counts => ({
  access: 0,
  people: 0,
  rights: 0,
  unknown: 0,
  ownerless: 0,
  neverEnding: 0,
  endUnsaid: 0,
  unused: 0,
  left: 0,
  useUntold: 0,
})
