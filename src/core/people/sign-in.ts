/** A person comes in by the company's provider: known by `iss` and `sub`, or new. */
import { problemOf } from '../base/problem.ts'
import { lockOrWait } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { draftPerson } from './change.ts'
import { localIssuer, parseEmail, parseKey, parseName } from './person.ts'
import { type PersonRow, personTable } from './rows.ts'

const personSeen = entryKind('person.sign-in', 'signed in')

/** What the provider vouches for, after its token was verified and its words were made harmless. */
export type SignIn = Pick<PersonRow, 'iss' | 'sub' | 'name' | 'email'>

/**
 * Adds or refreshes the person and records the sign-in. Name and e-mail may change from one sign-in
 * to the next and decide nothing. Problem `not-signed-in` for somebody who left: only people bring
 * a person back, a sign-in does not.
 */
export async function signInPerson(world: LedgerWorld, input: SignIn): Promise<PersonRow> {
  const key = parseKey(input)
  if (key.iss === localIssuer) throw problemOf('local-sign-in-by-link')
  const words = { name: parseName(input.name), email: parseEmail(input.email) }
  return recorded(world, async scope => {
    const known = await lockOrWait(scope.tx, personTable, key)
    if (known !== undefined) return seePerson(scope, known, words)
    const person = await scope.insert(personTable, draftPerson({ ...key, ...words }, scope.at))
    scope.entry({ kind: personSeen, by: person.id, facts: { by: 'company', isNew: true } })
    return person
  })
}

/** Marks a known person as seen now, in the caller's scope, and writes its entry. */
export async function seePerson(
  scope: Scope,
  known: PersonRow,
  words?: { name: string; email: string | null },
): Promise<PersonRow> {
  if (known.state === 'left') throw problemOf('person-has-left')
  const person = await scope.save(personTable, known, { ...known, ...words, seenAt: scope.at })
  const by = words === undefined ? 'link' : 'company'
  scope.entry({ kind: personSeen, by: person.id, facts: { by, isNew: false } })
  return person
}
