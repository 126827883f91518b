/**
 * What is said of one thing once all was read: who may own it and why, whether anybody does, how old it
 * is, how long unused, and how soon a person should look. Pure.
 */
import { type Instant, toMs } from '../../src/core/base/time.ts'
import type { Known } from './known.ts'
import { recipes } from './recipes.ts'
import type { Facts } from './source.ts'
import { shown, type Thing } from './thing.ts'

export interface OwnerCandidate {
  readonly who: string
  readonly evidence: string
  /** 0 to 1. From a half on somebody answers for it. */
  readonly weight: number
}

export interface Judged extends Thing {
  readonly ownerCandidates: readonly OwnerCandidate[]
  readonly isKnown: boolean
  readonly isOwnerless: boolean
  readonly ageDays: number | null
  /** Since its last use, or since it was made where it never was; null: not told. */
  readonly unusedDays: number | null
  /** No workflow that could be read names it. */
  readonly isUnnamed: boolean
  /** The worst first. */
  readonly rank: number
}

export interface Judging {
  readonly facts: Facts
  readonly known: Known
  readonly now: Instant
}

const enough = 0.5
export const unusedAfterDays = 90
const oldAfterDays = 90

/** One of a cloud that should have been changed, or be none. Most are copied, and live on in a file. */
export function isOldKey({ kind, neverEnds, ageDays, group }: Omit<Judged, 'rank'>): boolean {
  const isKey =
    group === 'access' && neverEnds === true && /^(access|service account) key$/.test(kind)
  return isKey && (ageDays ?? 0) > oldAfterDays
}

/** It lets in somebody who proves little, or whom nobody here knows. */
export function isWideOpen({ notes }: Thing): boolean {
  return notes.some(note => /^(lets in |asks for no second factor)/.test(note))
}

export function judge(thing: Thing, { facts, known, now }: Judging): Judged {
  const ownerCandidates = candidatesOf(thing, facts, known)
  const isKnown = thing.ours || known.has(thing.id)
  const isOwnerless = !thing.ours && !ownerCandidates.some(({ weight }) => weight >= enough)
  const ageDays = daysSince(thing.madeAt, now)
  const unusedDays = thing.isUseTold ? (daysSince(thing.lastUsedAt, now) ?? ageDays) : null
  const isUnnamed = checkUnnamed(thing, facts)
  const judged = { ...thing, ownerCandidates, isKnown, isOwnerless, ageDays, unusedDays, isUnnamed }
  return { ...judged, rank: rankOf(judged) }
}

/** The strongest first; one who has left is shown, and counts for nothing. */
function candidatesOf(thing: Thing, facts: Facts, known: Known): OwnerCandidate[] {
  const { changedBy, creator, creatorDid, creatorWeight, system, where } = thing
  const [repository = ''] = where.split(' · ')
  const about = facts.repositories.get(repository)
  const isJob = thing.path !== undefined
  const named = isJob ? about?.workflowOwners : about?.owners
  const declared = known.get(thing.id) ?? ''
  const on = changedBy?.at ? ` on ${changedBy.at.slice(0, 10)}` : ''
  // What a person wrote down is no login, and is not ours to doubt.
  const written = declared
    ? [{ who: declared, evidence: 'written down as its owner', weight: 1 }]
    : []
  const all: OwnerCandidate[] = [
    ...(named ?? []).map(who => ({ who, evidence: 'CODEOWNERS', weight: isJob ? 0.8 : 0.6 })),
    ...(creator ? [{ who: creator, evidence: creatorDid, weight: creatorWeight }] : []),
    ...(changedBy ? [{ who: changedBy.who, evidence: `changed it last${on}`, weight: 0.5 }] : []),
  ]
  const people = facts.people.get(system)
  const guessed = all.map(each => discount(each, people))
  return [...written, ...guessed.toSorted((a, b) => b.weight - a.weight)]
}

function discount(one: OwnerCandidate, people: ReadonlySet<string> | undefined): OwnerCandidate {
  const isBot = /\[bot\]$|\bbot$/i.test(one.who)
  if (isBot) return { ...one, evidence: `${one.evidence}; no person`, weight: 0.1 }
  const isLogin = /^[A-Za-z0-9-]+$/.test(one.who)
  const isGone = people !== undefined && isLogin && !people.has(one.who.toLowerCase())
  return isGone ? { ...one, evidence: `${one.evidence}; is no member any more`, weight: 0 } : one
}

/** Of a secret of one repository, where every workflow of it could be read. */
function checkUnnamed({ kind, where, name, system }: Thing, { repositories }: Facts): boolean {
  if (kind !== 'Actions secret' || !system.startsWith('github:')) return false
  const reads = repositories.get(where.split(' · ')[0] ?? '')?.reads
  return reads !== undefined && !reads.has(name.toUpperCase())
}

function rankOf(one: Omit<Judged, 'rank'>): number {
  if (one.group !== 'access') return -1
  const points: [boolean, number][] = [
    [recipes[one.recipe ?? '']?.isCloud === true, 60],
    [one.recipe !== undefined, 20],
    [one.isOwnerless, 30],
    [one.neverEnds === true, 10],
    [(one.unusedDays ?? 0) > unusedAfterDays, 25],
    [one.isUnnamed, 25],
    [isOldKey(one), 20],
    [isWideOpen(one), 30],
    [!one.isKnown, 10],
    [one.notes.some(note => /may write|may do everything|all repositories/.test(note)), 20],
  ]
  const sum = points.reduce((total, [is, worth]) => total + (is ? worth : 0), 0)
  return sum + Math.min(20, Math.floor((one.ageDays ?? 0) / 90))
}

function daysSince(at: Instant | null, now: Instant): number | null {
  return at === null ? null : Math.max(0, Math.floor((toMs(now) - toMs(at)) / 86_400_000))
}

/** Whom to ask first, and why, in one line. */
export function ownerText({ ownerCandidates: [first] }: Judged): string {
  return first === undefined ? 'nobody' : shown(`${first.who} (${first.evidence})`, 300)
}
