/** A decision in a few words: what was asked in one line, and what a rule that is no policy says. */
import type { Asked, OwnRule } from '../../core/policy/judge.ts'

/** What each rule says that is no policy, and when it would not. */
export const ownRules: ReadonlyMap<string, readonly [says: string, passesIf: string]> = new Map(
  Object.entries<readonly [string, string]>({
    'default-deny': ['Nothing allows this, and what nothing allows is denied.', ''],
    'unknown-actor': ['Who asks is not known here.', 'somebody asks who is known here'],
    'unknown-thing': [
      'What this is about is not known here.',
      'it is about something that is there',
    ],
    'unknown-action': ['There is no such action.', 'an action is asked for that there is'],
    'stale-facts': [
      'The facts at hand are too old to give out something new.',
      'the log can be read again',
    ],
    'log-regressed': [
      'The log is behind one that was seen before: nothing is decided until that is clear.',
      'the newer log is back, or the gap is recorded: serve --accept-loss',
    ],
    'policy-error': [
      'A rule could not be evaluated, so the answer is no.',
      'the rule is corrected',
    ],
  } satisfies Record<OwnRule, readonly [string, string]>),
)

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
