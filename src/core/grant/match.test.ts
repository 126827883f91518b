import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AppId, type GrantId, newId, type RequestId, type ResourceId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { dataActions } from '../base/permit.ts'
import { addSeconds, type Instant } from '../base/time.ts'
import { identityRoles } from '../identity/spiffe.ts'
import { Replica } from '../ledger/replica.ts'
import { matchGrants } from './match.ts'
import type { GrantRow } from './rows.ts'

const now = '2026-11-22T14:00:00.000Z' as Instant
const apps = ['ap_1', 'ap_2'] as AppId[]
const resources = ['rs_1', 'rs_2'] as ResourceId[]
const targetId = newId('target')

const grants = fc.array(
  fc.record({
    appId: fc.constantFrom(...apps),
    resourceId: fc.constantFrom(...resources),
    roles: fc.subarray([...identityRoles], { minLength: 1 }),
    actions: fc.subarray([...dataActions], { minLength: 1 }),
    state: fc.constantFrom('live' as const, 'dropped' as const, 'ended' as const),
    ends: fc.integer({ min: -5, max: 5 }),
  }),
  { maxLength: 40 },
)
const use = fc.record({
  appId: fc.constantFrom(...apps),
  resourceId: fc.constantFrom(...resources),
  role: fc.constantFrom(...identityRoles),
  action: fc.constantFrom(...dataActions),
})

type Drawn = typeof grants extends fc.Arbitrary<infer T> ? T : never
const rowsOf = (drawn: Drawn): GrantRow[] =>
  drawn.map(({ ends, ...grant }, i) => ({
    ...grant,
    id: `gr_${String(i).padStart(3, '0')}` as GrantId,
    version: 1,
    targetId,
    columns: [],
    unattended: false,
    requestId: 'rq_1' as RequestId,
    holder: `lhg_${i}`,
    madeAt: now,
    endsAt: addSeconds(now, ends),
    usedAt: null,
    keptAt: null,
    budget: null,
    glassBy: null,
    endedAt: null,
  }))
const replicaOf = (rows: readonly GrantRow[]) => {
  const replica = new Replica()
  replica.apply(rows.map(row => ({ table: 'app_grant', row })))
  return replica
}

describe('matching grants', () => {
  it('finds exactly those that are live and cover app, role, resource and action', () => {
    fc.assert(
      fc.property(grants, use, (drawn, asked) => {
        const rows = rowsOf(drawn)
        const found = matchGrants(replicaOf(rows), { ...asked, now })
        const expected = rows.filter(
          row =>
            row.state === 'live' &&
            row.endsAt > now &&
            row.appId === asked.appId &&
            row.resourceId === asked.resourceId &&
            row.roles.includes(asked.role) &&
            row.actions.includes(asked.action),
        )
        expect(found).toHaveLength(Math.min(expected.length, limits.grantCandidates))
        expect(expected).toEqual(expect.arrayContaining(found))
      }),
    )
  })

  it('finds the same in the same order, however they came', () => {
    fc.assert(
      fc.property(grants, use, (drawn, asked) => {
        const rows = rowsOf(drawn)
        const one = matchGrants(replicaOf(rows), { ...asked, now })
        expect(matchGrants(replicaOf(rows.toReversed()), { ...asked, now })).toEqual(one)
      }),
    )
  })

  it('finds no more when a grant is taken away, and never a grant at its very end', () => {
    fc.assert(
      fc.property(grants, use, (drawn, asked) => {
        const rows = rowsOf(drawn).slice(0, limits.grantCandidates)
        const all = matchGrants(replicaOf(rows), { ...asked, now })
        const fewer = matchGrants(replicaOf(rows.slice(1)), { ...asked, now })
        expect(all).toEqual(expect.arrayContaining(fewer))
        for (const grant of all)
          expect(matchGrants(replicaOf([grant]), { ...asked, now: grant.endsAt })).toEqual([])
      }),
    )
  })
})
