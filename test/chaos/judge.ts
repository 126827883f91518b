/** The judge: the target's own list, and the log as it lies in the database, against what was acknowledged. */
import { withClient } from '../../demo/crm.ts'
import { openStore } from '../../src/core/store/open.ts'
import { placeTemplate } from '../../src/life/template/template.ts'
import type { Rig } from './rig.ts'
import type { Acked } from './writer.ts'

export interface Verdict {
  /** Roles at the target that no open lease accounts for. */
  readonly orphans: number
  /** Live leases whose role is not at the target. */
  readonly ghosts: number
  /** Keys that led to more than one lease, or leases with more than one role. */
  readonly doubleIssues: number
  /** Acknowledged effects without their entry in the log. */
  readonly missingEntries: number
  readonly leases: number
}

interface Row {
  readonly id: string
  readonly principal: string
  readonly state: string
}

export async function judge(rig: Rig, acked: Acked): Promise<Verdict> {
  const roles = await withClient(rig.target, 'postgres', async client => {
    const { rows } = await client.query<{ name: string }>(
      `select rolname as name from pg_roles where rolname ~ '^lh_'`,
    )
    return rows.map(row => row.name)
  })
  const store = await openStore(
    rig.databaseUrl === null
      ? { dataDir: rig.home, place: placeTemplate }
      : { url: rig.databaseUrl },
  )
  try {
    const leases = await store.query<Row>('select id, principal, state from lease')
    const entries = await store.query<{ kind: string; id: string }>(
      `select kind, unnest(subjects) as id from ledger_entry
       union all select kind, unnest(subjects) as id from ledger_inbox`,
    )
    const open = new Set(
      leases.filter(lease => lease.state !== 'gone').map(lease => lease.principal),
    )
    const present = new Set(roles)
    const doubled = [...acked.issued.values()].filter(ids => new Set(ids).size > 1).length
    return {
      orphans: roles.filter(role => !open.has(role)).length,
      ghosts: leases.filter(lease => lease.state === 'live' && !present.has(lease.principal))
        .length,
      doubleIssues: doubled + (roles.length - present.size),
      missingEntries: countMissing(acked, entries, leases),
      leases: leases.length,
    }
  } finally {
    await store.close()
  }
}

function countMissing(
  acked: Acked,
  entries: readonly { kind: string; id: string }[],
  leases: readonly Row[],
): number {
  const counts = new Map<string, number>()
  for (const { kind, id } of entries)
    counts.set(`${kind} ${id}`, (counts.get(`${kind} ${id}`) ?? 0) + 1)
  const has = (kind: string, id: string) => counts.get(`${kind} ${id}`) ?? 0
  const gone = new Set(leases.filter(lease => lease.state === 'gone').map(lease => lease.id))
  let missing = 0
  for (const id of new Set([...acked.issued.values()].flat())) {
    if (has('lease.intend', id) !== 1 || has('lease.issue', id) !== 1) missing++
  }
  for (const [id, times] of Map.groupBy(acked.renewed, each => each))
    if (has('lease.renew', id) < times.length) missing++
  for (const id of acked.ended) if (!gone.has(id) || has('lease.gone', id) < 1) missing++
  return missing
}
