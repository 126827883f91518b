/**
 * What becomes of a person: first written down, given roles, gone. From the commit that they left on
 * they own nothing alive, and every way they were signed in is over; what was theirs is handed over
 * by the chapters that own it.
 */
import { newId, type PersonId } from '../base/ids.ts'
import { problemOf } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { lockKnown, type NewRow, throwUnknown } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { subjectOf } from '../ledger/record.ts'
import { verb } from '../ledger/verb.ts'
import { localIssuer, parseEmail, parseKey, parseName, parseRoles } from './person.ts'
import { endSignIns, lockPlatformPeople, type PersonRow, personTable } from './rows.ts'

const rolesSet = entryKind('person.roles', 'changed what a person may do')
const personLeft = entryKind('person.leave', 'recorded that a person left')

/**
 * `id` is made by the caller, so that a retry finds the same person. `iss` and `sub`, both or neither:
 * without them the person is local and signs in by one-time links.
 */
export type NewPerson = Pick<PersonRow, 'name'> &
  Partial<Pick<PersonRow, 'id' | 'iss' | 'sub' | 'email'>> & { readonly roles?: readonly string[] }

type NewRoles = { personId: PersonId; roles: readonly string[] }

/** Sets all roles of a person. The last living platform person keeps that role. */
export const setRoles = verb('person.roles', 'personId', async (scope, input: NewRoles, by) => {
  const roles = parseRoles(input.roles)
  const platform = await lockPlatformPeople(scope.tx)
  const before = await lockKnown(scope.tx, personTable, input.personId)
  if (before.state === 'left') throwUnknown('person')
  if (!roles.includes('platform')) keepOnePlatform(platform, input.personId)
  const after = await scope.save(personTable, before, { ...before, roles })
  scope.entry({ kind: rolesSet, by })
  return after
})

/** Again for somebody who left: answers the same row and changes nothing. */
export const leavePerson = verb('person.leave', 'personId', async (scope, { personId }, by) => {
  const platform = await lockPlatformPeople(scope.tx)
  const before = await lockKnown(scope.tx, personTable, personId)
  keepOnePlatform(platform, personId)
  await endSignIns(scope.tx, before.id, scope.at)
  const isFirst = before.state === 'living'
  const left = { ...before, state: 'left' as const, leftAt: scope.at }
  const after = isFirst ? await scope.save(personTable, before, left) : before
  const subjects = isFirst ? [] : [subjectOf(personTable, before)]
  scope.entry({ kind: personLeft, by, subjects })
  return after
})

/** INVARIANT: somebody can always let others in. */
function keepOnePlatform(platform: readonly PersonId[], goingId: PersonId): void {
  if (platform.length === 1 && platform[0] === goingId) throw problemOf('last-platform-person')
}

export function draftPerson(input: NewPerson, now: Instant): NewRow<PersonRow> {
  const id = input.id ?? newId('person')
  const isLocal = input.iss === undefined && input.sub === undefined
  const key = isLocal
    ? { iss: localIssuer, sub: id }
    : parseKey({ iss: input.iss ?? '', sub: input.sub ?? '' })
  if (!isLocal && key.iss === localIssuer) throw problemOf('issuer-is-ours', { field: 'iss' })
  return {
    id,
    ...key,
    name: parseName(input.name),
    email: parseEmail(input.email ?? null),
    roles: parseRoles(input.roles ?? []),
    state: 'living',
    seenAt: now,
  }
}
