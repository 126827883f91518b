/**
 * The Authorization API 1.0 of OpenID AuthZEN on the wire: what a request says, read once. Members it
 * does not name are passed over (§5); one it needs and lacks is Problem `bad-request`. Pure.
 */
import { z } from 'zod'
import { isObject, type Json, type JsonObject } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import type { AppQuestion } from '../../life/app-rules/ask.ts'
import { bounds as ruleBounds } from '../../life/app-rules/bounds.ts'
import { bounds } from './bounds.ts'

export type Evaluation = AppQuestion

const name = z.string().min(1).max(ruleBounds.nameChars)
const isFew = (said: JsonObject) => Object.keys(said).length <= ruleBounds.attributes
const facts = z
  .custom<JsonObject>(isObject, 'must be an object')
  .refine(isFew, `has more than ${ruleBounds.attributes} members`)
const thing = z.object({ type: name, id: name, properties: facts.default({}) })
const action = z.object({ name, properties: facts.optional() })
const question = { subject: thing, action, resource: thing, context: facts.default({}) }
const evaluation = z.object(question)

export function readEvaluation(body: Json): Evaluation {
  const { action, context, ...rest } = read(evaluation, body)
  return { ...rest, ...flat(action, context) }
}

/** What is said of the action lies beside the rest, where rules can see it. */
function flat({ name, properties }: z.output<typeof action>, context: JsonObject) {
  return { action: name, context: properties ? { ...context, action: properties } : context }
}

/** §7.1.2: how far a list is gone through. */
const semantic = z.enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])
const options = z.object({ evaluations_semantic: semantic.default('execute_all') }).prefault({})
const many = z.looseObject({
  evaluations: z.array(z.custom<Json>()).max(bounds.evaluations).nullish(),
})

export type Evaluations = NonNullable<ReturnType<typeof readEvaluations>>

/** Null where the request asks one thing alone: it is then answered as one (§7.1). */
export function readEvaluations(body: Json) {
  const { evaluations, ...defaults } = read(many, body)
  if (!evaluations?.length) return null
  const { evaluations_semantic: semantic } = read(z.object({ options }), body).options
  return { semantic, items: evaluations.map(item => readItem(defaults as JsonObject, item)) }
}

/** One that can not be read is its own fault (§7.2.1). What an item says takes the place of the default whole; only what names it is filled in. */
function readItem(defaults: JsonObject, item: Json): Evaluation | Problem {
  try {
    const own = read(z.custom<JsonObject>(isObject, 'must be an object'), item, 'evaluations')
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

export type SearchFor = 'subject' | 'resource' | 'action'

export type Search = ReturnType<typeof readSearch>

/** §8: what is searched for is named by its type alone; an id it may have is passed over. */
const sought = thing.omit({ id: true }).transform(said => ({ ...said, id: null }))
const none = z
  .unknown()
  .optional()
  .transform(() => null)
/** `token`: the name the page before ended with. */
const token = z.literal('').or(name).optional()
const limit = z.int().min(1).default(bounds.results)
const paged = { ...question, page: z.object({ token, limit }).prefault({}) }
const searches = {
  subject: z.object({ ...paged, subject: sought }),
  resource: z.object({ ...paged, resource: sought }),
  action: z.object({ ...paged, action: none }),
}

export function readSearch(body: Json, what: SearchFor) {
  const { action, context, page, ...rest } = read(searches[what], body)
  const asked = action === null ? { action, context } : flat(action, context)
  const { limit, token } = page
  return {
    for: what,
    ...rest,
    ...asked,
    limit: Math.min(limit, bounds.results),
    after: token || null,
  }
}

function read<S extends z.ZodType>(shape: S, said: Json, what = 'the body'): z.output<S> {
  const { data, error } = shape.safeParse(said)
  if (error === undefined) return data
  const [fault] = error.issues
  throw problemOf('field-says', {
    says: fault?.message,
    field: fault?.path.join('.') || what,
  })
}
