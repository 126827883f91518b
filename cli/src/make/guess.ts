/**
 * Which data a sentence speaks of, guessed from what can be asked for. Pure. A guess is never more than reading, is
 * said as one, and a person answers it: wrong, it costs an answer.
 */
import type { ResourceView } from '../../../src/doors/api/contract.ts'
import type { Kind } from './template.ts'

/** What a prototype can not have: its stand-in is guessed in its place, or nothing. */
const managedOnly = ['hr', 'secret']

/** Undefined where no name of any resource is in the sentence. */
export function guessResource(
  purpose: string,
  resources: readonly ResourceView[],
): ResourceView | undefined {
  const said = new Set(wordsOf(purpose))
  const score = ({ slug, columns }: ResourceView) => {
    const named = wordsOf(slug).filter(word => said.has(word)).length
    const about = columns.filter(({ name }) => wordsOf(name).some(word => said.has(word))).length
    // Columns decide between two that are named, and never alone.
    return named === 0 ? 0 : named * 10 + Math.min(about, 9)
  }
  const best = resources
    .map(resource => ({ resource, points: score(resource) }))
    .filter(({ points }) => points > 0)
    .toSorted((a, b) => b.points - a.points || (a.resource.slug < b.resource.slug ? -1 : 1))[0]
  if (best === undefined) return undefined
  return isOpen(best.resource) ? best.resource : standIn(best.resource, resources)
}

/** The kind of app a sentence asks for: the first with a word in it; `web` where none has. */
export function guessTemplate(purpose: string, kinds: Readonly<Record<string, Kind>>): string {
  const said = wordsOf(purpose)
  const isMeant = ([, { words }]: [string, Kind]) =>
    wordsOf(words).some(word => said.includes(word))
  return Object.entries(kinds).find(isMeant)?.[0] ?? 'web'
}

/** What a name or sentence says, so that `deals`, `Deal` and `crm.deals` meet. */
export function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  return words.filter(word => word.length > 2).map(word => word.replace(/(?<=\w{3})s$/, ''))
}

export function isOpen({ dataClass, isSandbox }: ResourceView): boolean {
  return isSandbox || !managedOnly.includes(dataClass)
}

function standIn({ sandboxTwin }: ResourceView, all: readonly ResourceView[]) {
  return all.find(({ slug }) => slug === sandboxTwin)
}
