/** What all verbs of an app below have in common: lock it, step it, save it, or say why not. */
import { type AppId, isId, type PersonId } from '../base/ids.ts'
import type { ActionName, Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { product } from '../base/product.ts'
import type { Scope } from '../ledger/record.ts'
import { isLiving } from '../people/person.ts'
import { findPerson } from '../people/rows.ts'
import { type AppEvent, stepApp } from './app.ts'
import { type AppRow, appTable, lockApp } from './rows.ts'

export async function changeApp(
  scope: Scope,
  id: AppId,
  eventOf: AppEvent | ((app: AppRow) => AppEvent | Promise<AppEvent>),
): Promise<AppRow> {
  const before = await lockKnownApp(scope, id)
  const event = typeof eventOf === 'function' ? await eventOf(before) : eventOf
  const after = stepApp(before, event, scope.at)
  if (after instanceof Problem) throw after
  return scope.save(appTable, before, after)
}

export async function lockKnownApp(scope: Scope, id: AppId): Promise<AppRow> {
  const app = await lockApp(scope.tx, id)
  if (app === undefined) throw new Problem('not-found', { detail: 'There is no such app.' })
  return app
}

/** Refuses an answerable person who does not exist, has left, or was not seen for too long. */
export async function requireLiving(scope: Scope, id: PersonId, field: string): Promise<void> {
  const person = await findPerson(scope.tx, id)
  if (person !== undefined && isLiving(person, scope.at)) return
  throw new Problem('invalid-field', {
    field,
    detail: `\`${field}\` must be somebody who is here and has signed in lately.`,
    next: `Who that is: ${product.command} person ls`,
  })
}

/** The owner's side, or somebody else with the right: decides what each may lift again. */
export function sideOf(permit: Permit<ActionName>, app: AppRow): 'owner' | 'person' | 'drift' {
  if (permit.actor === app.ownerId || permit.actor === app.backupId) return 'owner'
  return isId('person', permit.actor) ? 'person' : 'drift'
}
