/**
 * One-time links: how a local person signs in. Whoever holds one becomes that person, so it lives
 * 15 minutes, works once, and only its hash is kept.
 */

import { sha256Hex } from '../../core/base/hash.ts'
import type { PersonId, SystemId } from '../../core/base/ids.ts'
import { checkPermit, type Permit } from '../../core/base/permit.ts'
import { problemOf } from '../../core/base/problem.ts'
import { addSeconds } from '../../core/base/time.ts'
import { lockKnown, lockRow, throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded, subjectOf } from '../../core/ledger/record.ts'
import { localIssuer } from '../../core/people/person.ts'
import { personTable } from '../../core/people/rows.ts'
import { seePerson } from '../../core/people/sign-in.ts'
import { bounds } from './bounds.ts'
import { insertLink, useLink } from './rows.ts'
import { newSecret, secretHash, startSession } from './session.ts'

const linkMade = entryKind('link.make', 'made a one-time sign-in link')

/**
 * For local people only: a link for somebody the company vouches for would be a way around the
 * company. `by` a system id means: whoever starts this process, who holds the database anyway.
 */
export async function makeLink(
  world: LedgerWorld,
  by: Permit<'person.add'> | SystemId,
  input: { personId: PersonId },
) {
  if (typeof by !== 'string') checkPermit(by, 'person.add', input.personId)
  const secret = newSecret()
  return recorded(world, async scope => {
    const person = await lockKnown(scope.tx, personTable, input.personId)
    if (person.state === 'left') throwUnknown('person')
    if (person.iss !== localIssuer) throw problemOf('signs-in-at-company')
    const expiresAt = addSeconds(scope.at, bounds.oneTimeLinkSeconds)
    await insertLink(scope.tx, { hash: sha256Hex(secret), personId: person.id, expiresAt })
    const subjects = [subjectOf(personTable, person)]
    scope.entry({ kind: linkMade, by, subjects, facts: { expiresAt } })
    return { secret, expiresAt }
  })
}

/** Signs in the person the link was made for. One answer for used, old, unknown and misspelt links. */
export async function redeemLink(world: LedgerWorld, secret: string) {
  const hash = secretHash(secret)
  if (hash === undefined) throw notALink
  return recorded(world, async scope => {
    const personId = await useLink(scope.tx, hash, scope.at)
    const known =
      personId === undefined ? undefined : await lockRow(scope.tx, personTable, personId)
    if (known === undefined) throw notALink
    const person = await seePerson(scope, known)
    const session = await startSession(scope.tx, person.id, scope.at)
    return { person, session }
  })
}

const notALink = problemOf('link-not-valid')
