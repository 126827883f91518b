import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addGrant,
  ids,
  type SmallCompany,
  smallCompany,
} from '../../../test/support/policy-world.ts'
import type { IdentityId, LeaseId, ResourceId, TaskId } from '../../core/base/ids.ts'
import { dataActions } from '../../core/base/permit.ts'
import { decideLease } from '../../core/policy/decide.ts'
import type { Denial } from '../../core/policy/question.ts'
import { whoMay } from './who.ts'

const roles = ['build', 'test', 'publish', 'run', 'agent'] as const
const resources = [ids.deals, ids.contacts, ids.sandbox] as const
const slugs = ['crm.deals', 'crm.contacts', 'crm.sandbox_contacts'] as const

const subset = <T>(all: readonly T[], minLength = 0) => fc.subarray([...all], { minLength })
const anyGrant = fc.record({
  resource: fc.constantFrom(...resources),
  roles: subset(roles, 2),
  actions: subset(dataActions, 2),
  unattended: fc.boolean(),
  columns: fc.constantFrom([], ['id']),
  endsAt: fc.constantFrom(...Array(6).fill('2026-11-27T16:00:00.000Z'), '2026-11-22T13:00:00.000Z'),
  state: fc.constantFrom(...Array(6).fill('live'), 'dropped'),
})
/** What may be amiss, or otherwise. Mostly little is, so that much is allowed. */
const changes: readonly ((company: SmallCompany) => void)[] = [
  ({ change }) => change('app', ids.app, { stage: 'managed' }),
  ({ change }) => change('app', ids.app, { state: 'paused' }),
  ({ change }) => change('person', ids.maya, { state: 'left' }),
  ({ change }) => change('target', 'tg_crm', { production: true }),
  ({ change }) => change('resource', ids.deals, { dataClass: 'hr' }),
  ({ change }) => change('resource', ids.deals, { dataClass: 'customer' }),
  ({ change }) => change('resource', ids.contacts, { dataClass: 'public' }),
  ({ change }) => change('resource', ids.contacts, { state: 'retired' }),
  ({ change }) => change('identity', 'id_run', { state: 'revoked' }),
  ({ change }) => change('hold', 'ho_1', { scope: 'identity', about: 'id_agent', state: 'set' }),
  ({ change }) => change('hold', 'ho_1', { scope: 'person', about: ids.maya, state: 'set' }),
  ({ change }) => change('manifest', 'mf_1', { purposes: [] }),
  ({ change }) => change('manifest', 'mf_1', { purposes: [purposeOf(['read'])] }),
  company => Object.assign(company.freshness, { ageMs: 60_000 }),
  company => Object.assign(company.freshness, { regressed: true }),
]
const purposeOf = (actions: readonly string[]) => ({
  name: 'board',
  needs: slugs.map(resource => ({ resource, actions })),
  egress: [],
})
const anyWorld = fc.record({
  grants: fc.array(anyGrant, { minLength: 1, maxLength: 4 }),
  changes: fc.subarray([...changes], { maxLength: 2 }),
})
type AnyWorld = typeof anyWorld extends fc.Arbitrary<infer W> ? W : never

function made({ grants, changes: made }: AnyWorld): SmallCompany {
  const company = smallCompany()
  const { change } = company
  change('app_grant', ids.grant, { state: 'dropped' })
  change('manifest', 'mf_1', { purposes: [purposeOf(dataActions)] })
  for (const [nth, { resource, ...grant }] of grants.entries())
    addGrant(change, `gr_${nth}`, resource, grant.actions, grant)
  for (const each of made) each(company)
  // Why is not asked: putting a no into words is most of the work of one.
  return { ...company, world: { ...company.world, explain: () => ({}) as Denial } }
}

/** What is really decided, under a task that is really there. */
function decided({ world, change }: SmallCompany, resourceId: string): Set<string> {
  const yes = new Set<string>()
  for (const role of roles)
    for (const autonomy of ['attended', 'unattended'] as const) {
      const identityId = `id_${role}` as IdentityId
      const onBehalfOf = autonomy === 'attended' ? ids.maya : null
      change('task', ids.task, { identityId, autonomy, onBehalfOf, purpose: 'board' })
      for (const action of dataActions) {
        const question = {
          identityId,
          taskId: ids.task as string as TaskId,
          resourceId: resourceId as ResourceId,
          actions: [action],
          leaseId: 'ls_1' as LeaseId,
        }
        if (decideLease(world, 'lease.issue', question).allowed)
          yes.add(`${identityId} ${autonomy} ${action}`)
      }
    }
  return yes
}

describe('who may use a resource', () => {
  it('is exactly who would be let, for every identity, action and autonomy of any company', () => {
    let permits = 0
    fc.assert(
      fc.property(anyWorld, of => {
        const company = made(of)
        for (const resourceId of resources) {
          const said = whoMay(company.world, resourceId as string as ResourceId).flatMap(
            ({ identityId, autonomy, actions }) =>
              actions.map(action => `${identityId} ${autonomy} ${action}`),
          )
          const really = decided(company, resourceId)
          permits += really.size
          expect(new Set(said)).toEqual(really)
        }
      }),
      { numRuns: 25 },
    )
    expect(permits).toBeGreaterThan(40)
  }, 120_000)

  it('says for which purpose and until when, and names nobody without a grant', () => {
    const company = smallCompany()
    expect(whoMay(company.world, ids.deals as string as ResourceId)).toEqual([
      {
        identityId: ids.run,
        purpose: 'board',
        autonomy: 'attended',
        actions: ['read'],
        until: '2026-11-22T22:00:00.000Z',
      },
      expect.objectContaining({ autonomy: 'unattended', actions: ['read'] }),
    ])
    expect(whoMay(company.world, ids.contacts as string as ResourceId)).toEqual([])
  })
})
