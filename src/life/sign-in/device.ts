/**
 * A device (the command line) asks to act for a person: what it says of itself, and the person's
 * answer. The asking and the polling are the authorization server's; only a person signed in with a
 * browser answers, so an agent that holds tokens can not make itself new ones.
 */

import type { PersonId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { fromMs } from '../../core/base/time.ts'
import { lockKnown, throwUnknown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded, subjectOf } from '../../core/ledger/record.ts'
import { personTable } from '../../core/people/rows.ts'
import { findDeviceCode, patchDeviceCode } from './rows.ts'
import { beginSignIn, type SessionWorld } from './session.ts'

const deviceAllowed = entryKind('device.allow', 'signed in a device')
const deviceRefused = entryKind('device.refuse', 'refused a device')

export type Device = NonNullable<Awaited<ReturnType<typeof findDevice>>>

/** Letters only, as they are stored. What people add when typing (dashes, blanks) is dropped. */
export function parseUserCode(text: string): string | undefined {
  const letters = text.toUpperCase().replaceAll(/[ -]/g, '')
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(letters) ? letters : undefined
}

export function showUserCode(userCode: string): string {
  return `${userCode.slice(0, 4)}-${userCode.slice(4)}`
}

/** What is shown before the answer. Client, address and agent are what the device claims. */
export async function findDevice(world: SessionWorld, userCode: string) {
  const row = await findDeviceCode(world.store, userCode, world.clock.now())
  if (row === undefined) return undefined
  const { clientId, iat, deviceInfo } = row.payload
  return {
    userCode,
    clientId,
    ip: deviceInfo?.ip ?? '',
    agent: deviceInfo?.ua ?? '',
    askedAt: fromMs(iat * 1000),
  }
}

/**
 * Answers once: the first answer stands. Problem `not-found` when nothing waits under this code.
 */
export async function answerDevice(
  world: LedgerWorld,
  apiAudience: string,
  input: { personId: PersonId; userCode: string; says: 'yes' | 'no' },
): Promise<void> {
  await recorded(world, async scope => {
    const person = await lockKnown(scope.tx, personTable, input.personId)
    if (person.state === 'left') throwUnknown('person')
    const row = await findDeviceCode(scope.tx, input.userCode, scope.at, 'for update')
    if (row === undefined) throw noSuchDevice
    const { clientId } = row.payload
    if (input.says === 'no') {
      const error = { error: 'access_denied', errorDescription: 'The person said no.' }
      await patchDeviceCode(scope.tx, row.id, error)
    } else {
      const said = { accountId: person.id, clientId, resource: apiAudience, scope: 'api' }
      await patchDeviceCode(scope.tx, row.id, await beginSignIn(scope, said))
    }
    scope.entry({
      kind: input.says === 'yes' ? deviceAllowed : deviceRefused,
      by: person.id,
      subjects: [subjectOf(personTable, person)],
      facts: { clientId },
    })
  })
}

export const noSuchDevice = problemOf('no-device-waits', { field: 'user_code' })
