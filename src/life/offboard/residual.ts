/**
 * What is not proven gone, anywhere: credentials that end and are not seen to have ended, and what the end
 * of an app left over. Each has somebody whose turn it is, by the clock: the owner first, security at last.
 */
import type { AppId } from '../../core/base/ids.ts'
import { limits } from '../../core/base/limits.ts'
import { type Instant, msBetween } from '../../core/base/time.ts'
import type { LeaseRow } from '../../core/lease/rows.ts'
import { query, type Sql, verbatim } from '../../core/store/store.ts'
import { judge } from '../../core/target/judge.ts'
import { type ItemState, isSayable } from './item.ts'

/** How many days each has before it is the next one's. */
const turnDays = 3
const turns = ['owner', 'backup', 'platform', 'security'] as const

interface Left extends Pick<LeaseRow, 'evidence'> {
  readonly appId: AppId
  readonly system: string
  /** As the system names it. */
  readonly name: string
  readonly state: ItemState | null
  /** A person said that it is gone, and has not to look again yet. */
  readonly isSaid: boolean
  readonly sinceAt: Instant
}

/** The oldest first, up to a page. Written so that indexes find it among all leases there ever were. */
export async function listResidual(sql: Sql, now: Instant) {
  const rows = await query<Left>(sql)`
    select lease.app_id as "appId", target.slug as system, principal as name, outcome as state,
       evidence, least(coalesce(ended_at, term_ends_at), ${now}) as "sinceAt",
       exists (select from evidence said where item_id = lease.id and recheck_at > ${now}) as "isSaid"
     from lease join target on target.id = target_id
     where lease.id = any(array(select lease_id from lease_due)) and lease.state = 'ending'
       or case outcome when 'revoked-unverified' then 1 else 0 end = 1
     union all
     select app_id, item ->> 'system', item ->> 'name', item ->> 'state', null, made_at, false
     from offboarding join offboarding_work on offboarding_id = offboarding.id
       cross join lateral jsonb_array_elements(items) as item
     where state <> 'verified-gone' and item ->> 'state' <> 'verified-gone' and item ->> 'kind' <> 'lease'
     order by "sinceAt", name limit ${verbatim(limits.pageRows)}`
  return rows.map(({ evidence, state: outcome, isSaid, ...left }) => {
    const state = outcome ?? (evidence === null ? 'to-do' : judge(evidence))
    const shown: ItemState = isSaid && isSayable({ state }) ? 'manual-attested' : state
    return { ...left, state: shown, turn: turnOf(left.sinceAt, now) }
  })
}

export function turnOf(since: Instant, now: Instant): (typeof turns)[number] {
  const over = Math.floor(msBetween(since, now) / 86_400_000 / turnDays)
  return over <= 0 ? 'owner' : (turns[over] ?? 'security')
}
