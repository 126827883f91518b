/** A decision in a few words: what was asked in one line, and what a rule that is no policy says. */
import type { Asked, OwnRule } from '../../core/policy/judge.ts'
import table from './own-rules.json' with { type: 'json' }

/** What each rule says that is no policy, and when it would not. One without its line does not compile. */
export const ownRules: ReadonlyMap<string, { readonly says: string; readonly passesIf: string }> =
  new Map(Object.entries(table satisfies Record<OwnRule, object>))

/** One line for people: `deal-desk read crm.deals`, `app.extend deal-desk`. */
export function summarize({ facts, action, about }: Asked): string {
  const app = 'context' in facts ? slugOf(facts.context['app']) : undefined
  if (!('context' in facts) || facts.uses.length === 0) return `${action} ${app ?? about.id}`
  const uses = facts.uses.map(use => use.action).join(', ')
  return `${app ?? about.id} ${uses} ${slugOf(facts.resource.attrs) ?? facts.resource.uid.id}`
}

function slugOf(facts: unknown): string | undefined {
  if (typeof facts !== 'object' || facts === null || !('slug' in facts)) return undefined
  return typeof facts.slug === 'string' ? facts.slug : undefined
}
