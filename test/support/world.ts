/** A world for tests: a migrated database, a clock turned by hand, and people who are really there. */
import { newId, type PersonId } from '../../src/core/base/ids.ts'
import type { PermitFor } from '../../src/core/base/permit.ts'
import type { LedgerWorld } from '../../src/core/ledger/record.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import { leavePerson } from '../../src/core/people/change.ts'
import { genesis } from '../../src/core/people/genesis.ts'
import { findPerson, type PersonRow } from '../../src/core/people/rows.ts'
import { signInPerson } from '../../src/core/people/sign-in.ts'
import type { Store } from '../../src/core/store/store.ts'
import { type HandClock, handClock } from './clock.ts'
import { testPermit } from './permit.ts'
import { memoryStore } from './store.ts'

export interface TestWorld extends LedgerWorld {
  readonly clock: HandClock
  readonly permitFor: PermitFor
  /** Has the role platform. */
  readonly first: PersonRow
}

const iss = 'https://people.example'

export async function testWorld(mode: 'solo' | 'team', store?: Store): Promise<TestWorld> {
  const clock = handClock()
  const ledger = { store: store ?? (await memoryStore()), clock, replica: new Replica() }
  const world = { ...ledger, poke: () => {} }
  const { person } = await genesis(world, {
    installationName: 'Example',
    trustDomain: 'example.com',
    mode,
    person: { iss, sub: 'first', name: 'Sam' },
  })
  return {
    ...world,
    first: person,
    permitFor: (actor, action, about) => testPermit(action, actor, about.id, clock.now()),
  }
}

/** Somebody who signed in just now. */
export async function person(world: LedgerWorld, name = 'Maya'): Promise<PersonId> {
  const row = await signInPerson(world, { iss, sub: newId('system'), name, email: null })
  return row.id
}

/** Signs in again, so that the person counts as living. */
export async function seen(world: LedgerWorld, id: PersonId): Promise<void> {
  const known = await findPerson(world.store, id)
  if (known === undefined) throw new Error(`nobody has the id ${id}`)
  await signInPerson(world, { iss: known.iss, sub: known.sub, name: known.name, email: null })
}

export async function leaves(world: LedgerWorld, id: PersonId): Promise<void> {
  await leavePerson(world, testPermit('person.leave', id, id), { personId: id })
}

/** The same world, whose next transaction fails: at its entry, or after it was kept and nobody knows. */
export function failing(world: TestWorld, when: 'at the entry' | 'after the commit'): TestWorld {
  const transact: Store['transact'] = async (work, options) => {
    if (when === 'after the commit') {
      await world.store.transact(work, options)
      throw new Error('the connection is lost')
    }
    // What is sent with the commit is the entry; a division by zero in its place fails both.
    return world.store.transact(
      tx => work({ ...tx, finish: () => tx.finish('select 1 / 0') }),
      options,
    )
  }
  return { ...world, store: { ...world.store, ending: world.store.ending, transact } }
}
