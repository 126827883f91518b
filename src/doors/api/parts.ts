/** The parts inputs and views are made of. */
import { z } from '@hono/zod-openapi'
import { dataClasses } from '../../core/app/rows.ts'
import { dataActions } from '../../core/base/permit.ts'
import { parseInstant } from '../../core/base/time.ts'
import { identityRoles } from '../../core/identity/spiffe.ts'

export const text = z.string()
export const count = z.number()
export const flag = z.boolean()
export const slug = z.string().max(80)
export const words = z.string().min(1).max(500)
/** Name, e-mail or id of a person; `findPersonBy` reads it. */
export const personName = z.string().max(200)
export const action = z.enum(dataActions)
export const dataClass = z.enum(dataClasses)
export const role = z.enum(identityRoles)
export const details = z.record(z.string(), z.unknown())

/** RFC 3339, as somebody wrote it; read into an instant of ours. */
export const instantIn = z.string().transform((given, context) => {
  const instant = parseInstant(given)
  if (instant !== null) return instant
  context.addIssue({ code: 'custom', message: 'is not a date, as in 2026-12-04T17:00:00Z' })
  return z.NEVER
})

/** A list in an answer. */
export function list<S extends z.ZodType>(item: S) {
  return z.array(item).readonly()
}

/** What a route answers that lists things. */
export function listOf<S extends z.ZodType>(item: S) {
  return z.object({ items: list(item) })
}

/** Members that have the same form, by name. */
export function each<S extends z.ZodType, N extends string>(form: S, ...names: N[]): Record<N, S> {
  return Object.fromEntries(names.map(name => [name, form])) as Record<N, S>
}
