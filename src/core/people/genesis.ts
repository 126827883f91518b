/** The first act: an installation gets its name, its mode and the person who may let others in. */
import { newId, systemId } from '../base/ids.ts'
import { problemOf } from '../base/problem.ts'
import { parseText } from '../base/text.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded } from '../ledger/record.ts'
import { draftPerson, type NewPerson } from './change.ts'
import { findInstallation, installationTable, personTable } from './rows.ts'

const installationMade = entryKind('installation.make', 'set up this installation')

export interface Genesis {
  installationName: string
  /** Of every SPIFFE id we give out; can not be changed later. */
  trustDomain: string
  mode: 'solo' | 'team'
  person: NewPerson
}

/** Problem `already-exists` when there is an installation: genesis happens once. */
export async function genesis(world: LedgerWorld, input: Genesis) {
  const name = parseText(input.installationName, 'installationName')
  const trustDomain = parseTrustDomain(input.trustDomain)
  return recorded(world, async scope => {
    await scope.tx.query('select pg_advisory_xact_lock(7135003)')
    if ((await findInstallation(scope.tx)) !== undefined) throw problemOf('set-up-already')
    const installation = await scope.insert(installationTable, {
      // Part of every name we make at a target, so it is short.
      id: `in_${newId('system').slice(3, 11)}`,
      name,
      trustDomain,
      mode: input.mode,
      epoch: 1,
    })
    const draft = draftPerson({ ...input.person, roles: ['platform'] }, scope.at)
    const person = await scope.insert(personTable, draft)
    scope.entry({ kind: installationMade, by: systemId('genesis'), facts: { mode: input.mode } })
    return { installation, person }
  })
}

/** SPIFFE ID §2.1: lower-case letters, digits, dots, dashes, underscores. Refused, never folded. */
function parseTrustDomain(text: string): string {
  if (text.length <= 255 && /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/.test(text)) return text
  throw problemOf('trust-domain-not-valid', { field: 'trustDomain' })
}
