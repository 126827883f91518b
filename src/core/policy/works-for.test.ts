// What one task may do for another (design §8, I7): what both may, and nothing else.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addGrant,
  ids,
  type SmallCompany,
  smallCompany,
} from '../../../test/support/policy-world.ts'
import type { IdentityId, LeaseId, ResourceId, TaskId } from '../base/ids.ts'
import type { DataAction } from '../base/permit.ts'
import { decideLease } from './decide.ts'
import { judge } from './judge.ts'
import { readRecord } from './record.ts'

/** A helper with the same needs and a grant of its own, at work for the task of `deal-desk`. */
function withHelper(): SmallCompany {
  const company = smallCompany()
  const { change, world } = company
  const copy = (table: Parameters<typeof change>[0], from: string, to: string, more: object) => {
    const row = world.replica.get({ name: table } as never, from) as object
    change(table, to, { ...row, ...more })
  }
  copy('app', ids.app, 'ap_helper', { slug: 'helper', ownerId: ids.pat })
  copy('identity', ids.run, 'id_helper', { appId: 'ap_helper' })
  copy('manifest', 'mf_1', 'mf_2', { appId: 'ap_helper' })
  addGrant(change, 'gr_helper', ids.deals, ['read'], { appId: 'ap_helper' })
  const works = { appId: 'ap_helper', identityId: 'id_helper', provenanceKey: 'helper' }
  copy('task', ids.task, 'tk_alone', works)
  copy('task', ids.task, 'tk_for', { ...works, parentId: ids.task })
  return company
}

type Who = 'first' | 'helper' | 'both'
const whose = {
  first: [ids.run, ids.task],
  helper: ['id_helper', 'tk_alone'],
  both: ['id_helper', 'tk_for'],
} as const

function ask({ world }: SmallCompany, who: Who, actions: DataAction[], resource: string) {
  const [identityId, taskId] = whose[who]
  return decideLease(world, 'lease.issue', {
    identityId: identityId as string as IdentityId,
    taskId: taskId as string as TaskId,
    resourceId: resource as ResourceId,
    actions,
    leaseId: 'ls_1' as LeaseId,
  })
}

/** One fact or another of either side, turned. */
const turns: readonly ((company: SmallCompany) => void)[] = [
  ({ change }) => change('app', ids.app, { state: 'paused' }),
  ({ change }) => change('app', 'ap_helper', { state: 'paused' }),
  ({ change }) => change('app_grant', ids.grant, { actions: ['read', 'write'] }),
  ({ change }) => change('app_grant', 'gr_helper', { actions: ['read', 'write'] }),
  ({ change }) => change('app_grant', ids.grant, { state: 'dropped' }),
  ({ change }) => change('app_grant', 'gr_helper', { state: 'dropped' }),
  ({ change }) => change('identity', ids.run, { state: 'revoked' }),
  ({ change }) => change('identity', 'id_helper', { state: 'revoked' }),
  ({ change }) => change('person', ids.maya, { state: 'left' }),
  ({ change }) => change('person', ids.pat, { state: 'left' }),
  ({ change }) => addGrant(change, 'gr_more', ids.sandbox, ['read']),
  ({ change }) => addGrant(change, 'gr_hers', ids.sandbox, ['read'], { appId: 'ap_helper' }),
  ({ change }) => change('manifest', 'mf_1', { purposes: [] }),
  ({ change }) => change('manifest', 'mf_2', { purposes: [] }),
  ({ change }) => change('task', ids.task, { touched: ['customer'] }),
]

describe('a task that works for another', () => {
  it('may do exactly what both may, whatever the facts of either', () => {
    let yes = 0
    fc.assert(
      fc.property(
        fc.subarray([...turns.keys()], { maxLength: 3 }),
        fc.constantFrom<[string, DataAction[]]>(
          [ids.deals, ['read']],
          [ids.deals, ['read', 'write']],
          [ids.sandbox, ['read']],
          [ids.contacts, ['read']],
        ),
        (chosen, [resource, actions]) => {
          const company = withHelper()
          for (const each of chosen) turns[each]?.(company)
          const may = (who: Who) => ask(company, who, actions, resource).allowed
          yes += Number(may('both'))
          expect(may('both')).toBe(may('first') && may('helper'))
        },
      ),
      { numRuns: 120 },
    )
    expect(yes).toBeGreaterThan(0)
  })

  it('reaches no further than either of them', () => {
    const company = withHelper()
    company.change('app_grant', ids.grant, { endsAt: '2026-11-22T15:00:00.000Z' })
    expect(ask(company, 'helper', ['read'], ids.deals)).toMatchObject({
      endsAt: '2026-11-22T21:59:00.000Z',
    })
    expect(ask(company, 'both', ['read'], ids.deals)).toMatchObject({
      allowed: true,
      grantId: 'gr_helper',
      endsAt: '2026-11-22T15:00:00.000Z',
    })
  })

  it('is told of whom a no is said, in the words of the rule', () => {
    const company = withHelper()
    company.change('app_grant', ids.grant, { state: 'dropped' })
    const decision = ask(company, 'both', ['read'], ids.deals)
    if (decision.allowed) throw new Error('allowed')
    expect(decision.denial.says).toMatch(/said of the task it works for/)
    expect(decision.denial.what).toMatch(/^helper read crm\.deals/)
    expect(decision.denial.wouldPassIf).toMatch(/grant/)
    const own = ask(company, 'helper', ['read'], ids.deals)
    expect(own.allowed).toBe(true)
  })

  it('uses neither what is counted for the first nor what glass was broken for', () => {
    for (const more of [{ budget: { calls: 5, per: 'task' } }, { glassBy: ids.maya }]) {
      const company = withHelper()
      company.change('app_grant', ids.grant, more)
      expect(ask(company, 'both', ['read'], ids.deals).allowed).toBe(false)
    }
  })

  it('is over once the first is, held with it, and plays again from its record', () => {
    const company = withHelper()
    const { record } = ask(company, 'both', ['read'], ids.deals)
    const read = readRecord(record.body)
    expect(judge(company.world.policies(), read)).toEqual(read.outcome)
    company.change('hold', 'hd_1', { scope: 'task', about: ids.task, state: 'set' })
    expect(ask(company, 'both', ['read'], ids.deals).allowed).toBe(false)
    const other = withHelper()
    other.change('task', ids.task, { state: 'closed' })
    expect(ask(other, 'both', ['read'], ids.deals)).toMatchObject({
      allowed: false,
      denial: { rule: 'unknown-thing' },
    })
  })
})
