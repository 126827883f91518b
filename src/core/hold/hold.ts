/** Which orders to stop concern somebody. Pure reading of memory, for every decision. */
import { type AppRow, appTable } from '../app/rows.ts'
import type { Json } from '../base/json.ts'
import type { Image } from '../ledger/fact-table.ts'
import type { Replica } from '../ledger/replica.ts'
import type { TaskRow } from '../task/rows.ts'
import { chainOf } from '../task/task.ts'
import { holdTable } from './rows.ts'

/** `about` of a hold on everything. */
export const everything = 'everything'

/** `about` of a hold on the day it was made for. No id begins so, and no day is called everything. */
export function dayOf(app: Pick<AppRow, 'day'> | undefined): string | null {
  return app?.day ? `day/${app.day}` : null
}

/** What a hold may name of a task and of those it works for: themselves, whose they are, who vouched. */
export function concernedBy(replica: Replica, task: Image<TaskRow>): Json[] {
  return (chainOf(replica, task) ?? [task]).flatMap(({ id, onBehalfOf, provenance, ...each }) => {
    const app = replica.get(appTable, each.appId)
    const issuer = provenance['issuer'] ?? null
    return [id, each.identityId, each.appId, app?.ownerId ?? null, onBehalfOf, issuer, dayOf(app)]
  })
}

/** Holds that are set on any of these, and on everything. Owner and on whose behalf count as well. */
export function heldBy(replica: Replica, concerned: readonly (Json | undefined)[]) {
  const ids = new Set([everything, ...concerned])
  return [...ids].flatMap(id => (typeof id === 'string' ? replica.by(holdTable, 'about', id) : []))
}
