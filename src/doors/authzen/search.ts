/**
 * §8: which subjects, resources or actions an app's rules permit. Asked one by one of those the rules
 * know by name; nothing is granted by it, so nothing is recorded.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { judgeApp } from '../../life/app-rules/ask.ts'
import type { AppRules } from '../../life/app-rules/text.ts'
import { bounds } from './bounds.ts'
import type { Search } from './form.ts'

export async function search(rules: AppRules, asked: Search) {
  const names = candidates(rules, asked).filter(name => asked.after === null || name > asked.after)
  const found: string[] = []
  /** §8.2.2: the token is empty where nothing follows. */
  const page = (token: string) => ({
    results: found.map(name => shown(asked, name)),
    page: { next_token: token },
  })
  for (const [nth, name] of names.entries()) {
    if (found.length === asked.limit) return page(found.at(-1) ?? '')
    if (nth % bounds.askedInARow === bounds.askedInARow - 1) await turn()
    if (judgeApp(rules, questionOf(asked, name)).allowed) found.push(name)
  }
  return page('')
}

/** In an order that does not change between two pages. */
function candidates({ known, shapes }: AppRules, asked: Search): string[] {
  if (asked.for === 'action') return [...shapes.actions.keys()].toSorted()
  const { type } = asked[asked.for]
  const ofType = [...known.values()].filter(entity => entity.type === type)
  return ofType.map(({ id }) => id).toSorted()
}

function questionOf(asked: Search, name: string) {
  const { subject, resource, context } = asked
  return {
    subject: { ...subject, id: subject.id ?? name },
    action: asked.action ?? name,
    resource: { ...resource, id: resource.id ?? name },
    context,
  }
}

function shown(asked: Search, name: string): Readonly<Record<string, string>> {
  return asked.for === 'action' ? { name } : { type: asked[asked.for].type, id: name }
}
