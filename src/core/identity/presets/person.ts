/**
 * Trust in a signed-in person: whoever owns the app (or backs it up) may do its work from their own
 * machine, attended. Pure. The token is one of our own issuer, as the CLI holds it.
 *
 * A rule names no person but a part in the app, so that it follows a transfer by itself: who held the
 * part yesterday is not attested today.
 */
import type { AppRow } from '../../app/rows.ts'
import type { PersonId } from '../../base/ids.ts'
import type { JsonObject } from '../../base/json.ts'
import { problemOf } from '../../base/problem.ts'
import type { Instant } from '../../base/time.ts'
import { isLiving } from '../../people/person.ts'
import type { PersonRow } from '../../people/rows.ts'
import { type Miss, refuse } from '../refusal.ts'

export const parts = ['owner', 'backup'] as const
export type Part = (typeof parts)[number]

export interface PersonBinding {
  readonly as: readonly Part[]
}

/** Reads the claims of a rule. Problem `invalid-field` otherwise. */
export function parsePersonBinding(claims: JsonObject): PersonBinding {
  const given: readonly unknown[] = Array.isArray(claims['as']) ? claims['as'] : []
  const as = parts.filter(part => given.includes(part))
  if (as.length > 0 && as.length === given.length && Object.keys(claims).length === 1) return { as }
  throw problemOf('as-not-understood', { field: 'claims.as' })
}

/** Null when this person holds the part now and is living. */
export function matchPerson(
  binding: PersonBinding,
  app: Pick<AppRow, 'ownerId' | 'backupId'>,
  person: Pick<PersonRow, 'id' | 'state' | 'seenAt'>,
  now: Instant,
): Miss | null {
  const holds: Record<Part, PersonId> = { owner: app.ownerId, backup: app.backupId }
  if (!binding.as.some(part => holds[part] === person.id))
    return miss(person.id, `the ${binding.as.join(' or ')} of the app`)
  return isLiving(person, now) ? null : miss(person.id, 'somebody who signed in lately')
}

function miss(id: PersonId, needs: string): Miss {
  return { refusal: refuse('claims', 'sub', id, needs), fitted: 0 }
}
