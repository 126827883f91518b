/**
 * What a question says of a thing to be made or of a change, in the schema's words. A closed list:
 * any other key, and any value of the wrong form, is passed over, so that the rule that needs it denies.
 */
import { type DataClass, dataClasses } from '../app/rows.ts'
import type { Json, JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { ActionName } from '../base/permit.ts'
import { parseInstant } from '../base/time.ts'
import { resourceTable } from '../grant/rows.ts'
import type { Question } from './question.ts'
import { bare, lives, person, type View } from './view.ts'

type About = Question<ActionName>['about']

export function readChange(view: View, about: About): JsonObject {
  const draft = about.draft ?? {}
  const endsAt = draft['endsAt']
  return bare({
    ...each(draft, word, ['stage', 'kind', 'preset', 'scope', 'says', 'dataClass']),
    ...each(draft, words, ['dataClasses', 'roles']),
    ...each(draft, flag, ['ownAnswer', 'unattended', 'production']),
    ...somebody(view, 'owner', draft['ownerId']),
    ...somebody(view, 'backup', draft['backupId']),
    ...somebody(view, 'to', draft['to']),
    endsAt: typeof endsAt === 'string' ? parseInstant(endsAt) : null,
    lowersClass: lowersClass(view, about),
  })
}

export function readOpening(view: View, about: About): JsonObject {
  const draft = about.draft ?? {}
  return bare({
    ...each(draft, word, ['purpose', 'kind', 'autonomy']),
    ...each(draft, flag, ['bound']),
    ...somebody(view, 'onBehalfOf', draft['onBehalfOf']),
  })
}

/** Whether a resource that is known would be taken less seriously than it is now. */
function lowersClass(view: View, { type, id, draft }: About): boolean | null {
  const held = type === 'resource' ? view.replica.get(resourceTable, id) : undefined
  if (held === undefined || draft === undefined) return null
  const wanted = dataClasses.indexOf(draft['dataClass'] as DataClass)
  const isLower = wanted < dataClasses.indexOf(held.dataClass)
  return isLower || (draft['isSandbox'] === true && !held.isSandbox)
}

function each(
  draft: JsonObject,
  read: (value: Json | undefined) => Json,
  names: readonly string[],
) {
  return Object.fromEntries(names.map(name => [name, read(draft[name])]))
}

function somebody(view: View, name: string, id: Json | undefined) {
  if (typeof id !== 'string') return {}
  return { [name]: person(id), [`${name}Living`]: lives(view, id) }
}

function word(value: Json | undefined): string | null {
  return typeof value === 'string' && value.length <= limits.textChars ? value : null
}

function words(value: Json | undefined): string[] | null {
  if (!Array.isArray(value) || value.length > limits.pageRows) return null
  return value.filter(each => typeof each === 'string')
}

function flag(value: Json | undefined): boolean | null {
  return typeof value === 'boolean' ? value : null
}
