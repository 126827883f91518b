/** Hands an app over: it is offered, and moves when the other person accepts, not before. */
import { type AppId, isId, type PersonId } from '../base/ids.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { Problem } from '../base/problem.ts'
import { resolveIn } from '../finding/raise.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { isLiving } from '../people/person.ts'
import { findPerson } from '../people/rows.ts'
import { changeApp, requireLiving } from './change.ts'
import { type AppRow, backupGone, orphaned } from './rows.ts'

const appOffered = entryKind('app.offer', 'offered the app to another owner')
const backupNamed = entryKind('app.name-backup', 'named another backup')
const appAccepted = entryKind('app.accept', 'accepted the app')

export async function transferApp(
  world: LedgerWorld,
  permit: Permit<'app.transfer'>,
  input: { appId: AppId; to: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.transfer', input.appId)
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, { kind: 'offer', to: input.to })
    await requireLiving(scope, input.to, 'to')
    scope.entry({ kind: appOffered, by: permit })
    return app
  })
}

/** Needs nobody's consent: a backup is asked when the owner is gone, and may say no then. */
export async function nameBackup(
  world: LedgerWorld,
  permit: Permit<'app.transfer'>,
  input: { appId: AppId; backupId: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.transfer', input.appId)
  return recorded(world, async scope => {
    const { appId, backupId } = input
    const app = await changeApp(scope, appId, { kind: 'name-backup', backupId })
    await requireLiving(scope, backupId, 'backupId')
    await resolveIn(scope, backupGone, appId)
    scope.entry({ kind: backupNamed, by: permit })
    return app
  })
}

/**
 * The actor becomes the owner. Without `backupId` the backup stays, or, when it is the backup who
 * accepts, the owner until now takes that place. What was paused for the missing owner resumes.
 */
export async function acceptApp(
  world: LedgerWorld,
  permit: Permit<'app.accept'>,
  input: { appId: AppId; backupId?: PersonId },
): Promise<AppRow> {
  checkPermit(permit, 'app.accept', input.appId)
  const by = permit.actor
  if (!isId('person', by))
    throw new Problem('human-required', {
      detail: 'Only a person can own an app.',
      next: 'The person it was offered to accepts it.',
    })
  return recorded(world, async scope => {
    const app = await changeApp(scope, input.appId, async before => ({
      kind: 'accept',
      by,
      backupId: input.backupId ?? (await backupAfter(scope, before, by)),
    }))
    await requireLiving(scope, by, 'owner')
    await requireLiving(scope, app.backupId, 'backupId')
    await resolveIn(scope, orphaned, app.id)
    await resolveIn(scope, backupGone, app.id)
    scope.entry({ kind: appAccepted, by: permit })
    return app
  })
}

async function backupAfter(scope: Scope, app: AppRow, by: PersonId): Promise<PersonId> {
  for (const id of [app.backupId, app.ownerId]) {
    const person = id === by ? undefined : await findPerson(scope.tx, id)
    if (person !== undefined && isLiving(person, scope.at)) return id
  }
  throw new Problem('invalid-field', {
    field: 'backupId',
    detail: `\`${app.slug}\` needs another person as backup.`,
    next: 'Name one with --backup.',
  })
}
