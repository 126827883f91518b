/**
 * The Authorization API 1.0 of OpenID AuthZEN on the wire: what a request says, read once. Members it
 * does not name are passed over (§5); one it needs and lacks is Problem `bad-request`. Pure.
 */
import { isObject, type Json, type JsonObject } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import type { AppQuestion } from '../../life/app-rules/ask.ts'
import { bounds as ruleBounds } from '../../life/app-rules/bounds.ts'
import type { Thing } from '../../life/app-rules/text.ts'
import { bounds } from './bounds.ts'

export type Evaluation = AppQuestion

/** §7.1.2: how far a list is gone through. */
const semantics = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const

export type Evaluations = NonNullable<ReturnType<typeof readEvaluations>>

export function readEvaluation(body: Json): Evaluation {
  const { subject, action, resource, context } = objectIn(body, 'the body')
  return {
    subject: readThing(subject, 'subject'),
    action: readAction(action),
    resource: readThing(resource, 'resource'),
    context: readContext(context, action),
  }
}

/** What is said of the action lies beside the rest, where rules can see it. */
function readContext(context: Json | undefined, action: Json | undefined): JsonObject {
  const said = context === undefined ? {} : bounded(objectIn(context, 'context'), 'context')
  const properties = action === undefined ? undefined : objectIn(action, 'action')['properties']
  return properties === undefined ? said : { ...said, action: factsIn(properties, 'action') }
}

/** Null where the request asks one thing alone: it is then answered as one (§7.1). */
export function readEvaluations(body: Json) {
  const { evaluations, options, ...defaults } = objectIn(body, 'the body')
  const items = evaluations ?? []
  if (!Array.isArray(items)) throw wrong('evaluations', 'must be a list')
  if (items.length === 0) return null
  if (items.length > bounds.evaluations)
    throw wrong('evaluations', `has more than ${bounds.evaluations}`)
  const list = items as readonly Json[]
  return { semantic: readSemantic(options), items: list.map(item => readItem(defaults, item)) }
}

/** One that can not be read is its own fault (§7.2.1). What an item says takes the place of the default whole; only what names it is filled in. */
function readItem(defaults: JsonObject, item: Json): Evaluation | Problem {
  try {
    const own = objectIn(item, 'evaluations')
    const named = (['subject', 'action', 'resource'] as const).map(name => [
      name,
      withNames(own[name], defaults[name]),
    ])
    return readEvaluation({ ...defaults, ...own, ...Object.fromEntries(named) } as JsonObject)
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown
    throw thrown
  }
}

function withNames(own: Json | undefined, byDefault: Json | undefined): Json | undefined {
  if (own === undefined || byDefault === undefined) return own ?? byDefault
  if (!isObject(own) || !isObject(byDefault)) return own
  const names = Object.entries(byDefault).filter(([name]) => ['type', 'id', 'name'].includes(name))
  return { ...Object.fromEntries(names), ...own }
}

function readSemantic(options: Json | undefined): (typeof semantics)[number] {
  const named =
    options === undefined ? undefined : objectIn(options, 'options')['evaluations_semantic']
  if (named === undefined) return 'execute_all'
  const known = semantics.find(each => each === named)
  if (known === undefined)
    throw wrong('options.evaluations_semantic', `is one of ${semantics.join(', ')}`)
  return known
}

export type SearchFor = 'subject' | 'resource' | 'action'

export type Search = ReturnType<typeof readSearch>

/** §8: what is searched for is named by its type alone; an id it may have is passed over. */
export function readSearch(body: Json, what: SearchFor) {
  const { subject, action, resource, context, page } = objectIn(body, 'the body')
  const one = (value: Json | undefined, name: 'subject' | 'resource') => {
    if (what !== name) return readThing(value, name)
    const { type, properties } = objectIn(value, name)
    return { type: nameIn(type, `${name}.type`), id: null, properties: factsIn(properties, name) }
  }
  return {
    for: what,
    subject: one(subject, 'subject'),
    action: what === 'action' ? null : readAction(action),
    resource: one(resource, 'resource'),
    context: readContext(context, what === 'action' ? undefined : action),
    ...readPage(page),
  }
}

/** `after`: the name the page before ended with. */
function readPage(page: Json | undefined) {
  const { token, limit } = page === undefined ? {} : objectIn(page, 'page')
  const wanted = limit === undefined ? bounds.results : limit
  if (typeof wanted !== 'number' || !Number.isSafeInteger(wanted) || wanted < 1)
    throw wrong('page.limit', 'must be a whole number from 1')
  const after = token === undefined || token === '' ? null : nameIn(token, 'page.token')
  return { limit: Math.min(wanted, bounds.results), after }
}

function readThing(value: Json | undefined, name: string): Thing {
  const { type, id, properties } = objectIn(value, name)
  return {
    type: nameIn(type, `${name}.type`),
    id: nameIn(id, `${name}.id`),
    properties: factsIn(properties, name),
  }
}

function factsIn(value: Json | undefined, name: string): JsonObject {
  if (value === undefined) return {}
  return bounded(objectIn(value, `${name}.properties`), `${name}.properties`)
}

function readAction(value: Json | undefined): string {
  return nameIn(objectIn(value, 'action')['name'], 'action.name')
}

function objectIn(value: Json | undefined, name: string): JsonObject {
  if (value !== undefined && isObject(value)) return value
  throw wrong(name, value === undefined ? 'is missing' : 'must be an object')
}

function nameIn(value: Json | undefined, name: string): string {
  if (typeof value === 'string' && value !== '' && value.length <= ruleBounds.nameChars)
    return value
  throw wrong(name, `must be a text of 1 to ${ruleBounds.nameChars} characters`)
}

function bounded(value: JsonObject, name: string): JsonObject {
  if (Object.keys(value).length <= ruleBounds.attributes) return value
  throw wrong(name, `has more than ${ruleBounds.attributes} members`)
}

function wrong(field: string, says: string): Problem {
  return problemOf('field-says', { says, field })
}
