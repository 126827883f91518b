/** Makes an app: nothing gets identities, data or credentials here without an owner, a purpose and an end. */
import type { ActorId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { checkPermit, type Permit } from '../base/permit.ts'
import { problemOf } from '../base/problem.ts'
import { parseSlug, parseText } from '../base/text.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import type { NewRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { type LedgerWorld, recorded, type Scope } from '../ledger/record.ts'
import { findInstallation } from '../people/rows.ts'
import { onTaken } from '../store/fault.ts'
import { requireLiving } from './events.ts'
import { type AppRow, appTable, findApp } from './rows.ts'

const appMade = entryKind('app.make', 'made the app')

type Said = 'slug' | 'team' | 'purpose' | 'dataClasses' | 'stage' | 'endTrigger' | 'endsAt'
type Adopted = Pick<AppRow, 'origin' | 'watchedUntil' | 'day'>
/** The backup is another living person; in a solo installation the owner may stand alone. */
export type NewApp = Pick<AppRow, 'id' | 'ownerId' | 'backupId' | Said> & Partial<Adopted>

/** The same call again answers the same app. Problem `already-exists` when the slug or id is taken. */
export async function makeApp(
  world: LedgerWorld,
  permit: Permit<'app.make'>,
  input: NewApp,
): Promise<AppRow> {
  checkPermit(permit, 'app.make', input.id)
  return recorded(world, async scope => {
    const known = await findApp(scope.tx, input.id)
    if (known !== undefined) return sameApp(known, permit, input)
    const app = draftApp(permit.actor, input, scope.at)
    await checkPeople(scope, app)
    scope.entry({ kind: appMade, by: permit })
    return scope.insert(appTable, app)
  }).catch(onTaken('app_slug', taken(input.slug)))
}

export const taken = (slug: string) => problemOf('app-name-taken', { slug, field: 'slug' })

function sameApp(known: AppRow, permit: Permit<'app.make'>, input: NewApp): AppRow {
  if (known.slug === input.slug && known.madeBy === permit.actor) return known
  throw problemOf('app-id-taken')
}

/** `by` is who is said to have made it. */
export function draftApp(by: ActorId, input: NewApp, now: Instant): NewRow<AppRow> {
  const days = input.stage === 'prototype' ? limits.prototypeMaxDays : limits.managedMaxDays
  const maxEndsAt = addSeconds(now, days * 24 * 3600)
  if (input.endsAt <= now || input.endsAt > maxEndsAt)
    throw problemOf('end-out-of-range', { maxEndsAt, stage: input.stage, days, field: 'endsAt' })
  const { day = null } = input
  return {
    ...input,
    slug: parseSlug(input.slug, 'slug'),
    team: input.team === null ? null : parseSlug(input.team, 'team'),
    day: day === null ? null : parseSlug(day, 'day'),
    purpose: parseText(input.purpose, 'purpose'),
    dataClasses: [...new Set(input.dataClasses)].sort(),
    state: 'active',
    maxEndsAt,
    madeBy: by,
    openTo: [],
  }
}

export async function checkPeople(scope: Scope, app: NewRow<AppRow>): Promise<void> {
  await requireLiving(scope, app.ownerId, 'ownerId')
  await requireLiving(scope, app.backupId, 'backupId')
  if (app.ownerId === app.backupId && (await findInstallation(scope.tx))?.mode !== 'solo')
    throw problemOf('owner-is-backup', { field: 'backupId' })
}
