/**
 * A person leaves: from this commit on they own nothing alive, and every way they were signed in is
 * over. What was theirs is handed over by the chapters that own it.
 */
import type { PersonId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { lockKnown } from '../ledger/find-row.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { keepOnePlatform } from './add.ts'
import { endSignIns, lockPlatformPeople, type PersonRow, personTable } from './rows.ts'

const personLeft = entryKind('person.leave', 'recorded that a person left')

/** Again for somebody who left: answers the same row and changes nothing. */
export async function leavePerson(
  world: LedgerWorld,
  permit: Permit<'person.leave'>,
  input: { personId: PersonId },
): Promise<PersonRow> {
  checkPermit(permit, 'person.leave', input.personId)
  return recorded(world, async scope => {
    const platform = await lockPlatformPeople(scope.tx)
    const before = await lockKnown(scope.tx, personTable, input.personId)
    keepOnePlatform(platform, input.personId)
    await endSignIns(scope.tx, before.id, scope.at)
    const isFirst = before.state === 'living'
    const left = { ...before, state: 'left' as const, leftAt: scope.at }
    const after = isFirst ? await scope.save(personTable, before, left) : before
    const { id, version } = before
    const subjects = isFirst ? [] : [{ type: 'person', id, version }]
    scope.entry({ kind: personLeft, by: permit, subjects })
    return after
  })
}
