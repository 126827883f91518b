/**
 * A person leaves: from this commit on they own nothing alive, and every way they were signed in is
 * over. What was theirs is handed over by the chapters that own it.
 */
import type { PersonId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { keepOnePlatform, noSuchPerson } from './add.ts'
import { endSignIns, lockPerson, lockPlatformPeople, type PersonRow, personTable } from './rows.ts'

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
    const before = await lockPerson(scope.tx, input.personId)
    if (before === undefined) throw noSuchPerson()
    keepOnePlatform(platform, input.personId)
    await endSignIns(scope.tx, before.id, scope.at)
    const isFirst = before.state === 'living'
    const after = isFirst
      ? await scope.save(personTable, before, { ...before, state: 'left', leftAt: scope.at })
      : before
    scope.entry({
      kind: personLeft,
      by: permit,
      subjects: isFirst ? [] : [{ type: 'person', id: before.id, version: before.version }],
    })
    return after
  })
}
