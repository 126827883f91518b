/**
 * What was granted and is not used: the owner of the app is told, and some days after the telling it rests
 * (`core/grant/unused`).
 *
 * Notes of use are exact to the hour, and of a lease's making; a task is a day long at most, so what is
 * used is noted daily.
 */
import { appTable } from '../../core/app/rows.ts'
import { type GrantId, systemId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { product } from '../../core/base/product.ts'
import { forEachDue } from '../../core/base/sweep.ts'
import type { Instant } from '../../core/base/time.ts'
import { raiseIn } from '../../core/finding/raise.ts'
import { grantTable, resourceTable, unusedKind } from '../../core/grant/rows.ts'
import { restGrant } from '../../core/grant/unused.ts'
import { shareKnown } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded, type SweepWorld, subjectOf } from '../../core/ledger/record.ts'
import { query, type Sql, verbatim } from '../../core/store/store.ts'

/** Not used for so many days, its owner is told; for so many, it rests. */
const unusedDays = { prototype: { told: 3, rests: 5 }, managed: { told: 14, rests: 21 } } as const

const grantUnused = entryKind('grant.unused', 'found a grant that is not used')

/** Tells of what is unused, and lets rest what was told of long enough ago. */
export async function sweepUnused(world: SweepWorld): Promise<number> {
  const due = await listUnused(world.store, world.clock.now())
  return forEachDue(due, async ({ id: grantId, isTold, unusedSince }) => {
    if (!isTold) return tellUnused(world, grantId)
    return restGrant.bySweep(world, 'app-sweep', { grantId, unusedSince })
  })
}

/** The owner's time to answer runs from here, however long we were away before. */
async function tellUnused(world: LedgerWorld, grantId: GrantId): Promise<void> {
  await recorded(world, async scope => {
    const grant = await shareKnown(scope.tx, grantTable, grantId)
    const app = await shareKnown(scope.tx, appTable, grant.appId)
    const { slug } = await shareKnown(scope.tx, resourceTable, grant.resourceId)
    const { told, rests } = unusedDays[app.stage]
    await raiseIn(scope, {
      kind: unusedKind,
      severity: 'low',
      about: grantId,
      ownerId: app.ownerId,
      details: { appId: app.id, usedAt: grant.usedAt },
      words: `${app.slug} has not used ${slug} for ${told} days; in ${rests - told} more it rests. Keep it, or give it back: ${product.command} show ${app.slug}`,
    })
    const by = systemId('app-sweep')
    scope.entry({ kind: grantUnused, by, subjects: [subjectOf(grantTable, grant)] })
  })
}

function listUnused(sql: Sql, now: Instant) {
  const days = (of: 'told' | 'rests') =>
    verbatim(
      `make_interval(days => case app.stage when 'managed' then ${unusedDays.managed[of]} else ${unusedDays.prototype[of]} end)`,
    )
  return query<{ id: GrantId; isTold: boolean; unusedSince: Instant }>(sql)`
    select g.id, told_at is not null as "isTold", unused_since as "unusedSince"
     from app_grant g join app on app.id = g.app_id
       cross join lateral (select greatest(g.made_at, g.used_at, g.kept_at) as unused_since) unused
       cross join lateral (select max(made_at) as told_at from finding
         where kind = '${verbatim(unusedKind)}' and about = g.id and made_at > unused_since) told
     where g.state = 'live' and g.glass_by is null and unused_since + ${days('told')} <= ${now}
       and (told_at is null or told_at + ${days('rests')} - ${days('told')} <= ${now})
     order by unused_since, g.id limit ${verbatim(limits.pageRows)}`
}
