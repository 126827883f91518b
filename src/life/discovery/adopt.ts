/**
 * Adopt: what was claimed becomes an adopted app's, which answers for it and ends it with itself. Who
 * adopts answers for the target, or for security here; the owner is who claimed it, nobody else.
 */
import { requireIn } from '../../core/app/app.ts'
import { appTable } from '../../core/app/rows.ts'
import type { AppId, ThingId } from '../../core/base/ids.ts'
import { requirePerson } from '../../core/base/permit.ts'
import { Problem } from '../../core/base/problem.ts'
import { lockKnown, shareKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { subjectOf } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'
import { thingTable } from './rows.ts'
import { stepThing } from './thing.ts'

const thingAdopted = entryKind('thing.adopt', 'adopted what was found')

/** Again is no change. Problem `wrong-state` unless who claimed it owns an adopted app that is active. */
export const adoptThing = verb(
  'thing.adopt',
  'thingId',
  async (scope, { thingId, appId }: { thingId: ThingId; appId: AppId }, by) => {
    requirePerson(by, 'adopt what was found', 'Show it to who answers for the system.')
    const before = await lockKnown(scope.tx, thingTable, thingId)
    const app = await shareKnown(scope.tx, appTable, appId)
    requireIn(app, ['active'], scope.at)
    const after = stepThing(before, { kind: 'adopt', app }, scope.at)
    if (after instanceof Problem) throw after
    if (after === before) return before
    scope.entry({ kind: thingAdopted, by, subjects: [subjectOf(appTable, app)] })
    return scope.save(thingTable, before, after)
  },
)
