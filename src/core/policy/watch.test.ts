/** An adopted app that is watched: what goes on against policy, what does not, and how it is recorded. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ids, type SmallCompany, smallCompany } from '../../../test/support/policy-world.ts'
import { whyDenied } from '../../life/why/replay.ts'
import type { IdentityId, LeaseId, ResourceId, TaskId } from '../base/ids.ts'
import { canonicalJson } from '../base/json.ts'
import type { DataAction } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import { openBundle, readShipped, withFile } from './bundle.ts'
import { decideLease, type LeaseDecision } from './decide.ts'
import { judge } from './judge.ts'
import { readRecord } from './record.ts'

const until = '2026-11-25T16:00:00.000Z' as Instant
let company: SmallCompany

type Action = 'lease.use' | 'lease.issue' | 'lease.renew'
const decided = (
  actions: readonly DataAction[] = ['write'],
  action: Action = 'lease.use',
  more: object = {},
) =>
  decideLease(company.world, action, {
    identityId: ids.run as string as IdentityId,
    taskId: ids.task as string as TaskId,
    resourceId: ids.deals as string as ResourceId,
    leaseId: 'ls_1' as LeaseId,
    actions,
    ...more,
  })
const effectOf = (decision: LeaseDecision<Action>) =>
  readRecord(decision.record.body).outcome.effect ?? (decision.allowed ? 'permit' : 'deny')

beforeEach(() => {
  company = smallCompany()
  company.change('app', ids.app, { origin: 'adopted', watchedUntil: until })
})

describe('a watched app', () => {
  it('does what policy denies, and the record says what would have denied it', () => {
    const decision = decided()
    expect(decision).toMatchObject({
      allowed: true,
      grantId: null,
      endsAt: '2026-11-22T21:59:00.000Z',
    })
    const { outcome, facts } = readRecord(decision.record.body)
    expect(outcome).toMatchObject({ effect: 'watched', allowed: true, rules: ['outside-purpose'] })
    expect(facts).toMatchObject({ watchedUntil: '2026-11-22T21:59:00.000Z' })
  })

  it('does what policy allows as any other, and nothing of it says watched', () => {
    const decision = decided(['read'])
    expect(effectOf(decision)).toBe('permit')
    expect(readRecord(decision.record.body).outcome).not.toHaveProperty('effect')
  })

  it('under a grant is bounded as by it, and by the end of the watch', () => {
    company.change('manifest', 'mf_1', { state: 'superseded' })
    company.change('app', ids.app, { watchedUntil: '2026-11-22T15:00:00.000Z' })
    company.change('app_grant', ids.grant, { budget: { rows: 10, per: 'day' } })
    expect(decided(['read'])).toMatchObject({
      allowed: true,
      grantId: ids.grant,
      endsAt: '2026-11-22T15:00:00.000Z',
      holdForMs: 0,
      reserve: { rows: 10, per: 'day' },
    })
  })

  it('plays again byte for byte', () => {
    const { outcome, ...asked } = readRecord(decided().record.body)
    const again = { ...asked, outcome: judge(company.world.policies(), asked) }
    expect(canonicalJson(again)).toBe(canonicalJson({ ...asked, outcome }))
  })

  it.each(['lease.issue', 'lease.renew'] as const)('has no %s that policy denies', action => {
    expect(effectOf(decided(['write'], action))).toBe('deny')
    expect(effectOf(decided(['read'], action))).toBe('permit')
  })

  it.each(['destroy', 'share-outside', 'spend', 'change-privilege'] as const)(
    'does not %s what policy denies',
    action => {
      expect(effectOf(decided([action]))).toBe('deny')
      expect(effectOf(decided(['write', action]))).toBe('deny')
    },
  )

  it.each([
    ['made here', 'app', ids.app, { origin: null }],
    ['that is held to policy', 'app', ids.app, { watchedUntil: null }],
    ['whose watch is over', 'app', ids.app, { watchedUntil: '2026-11-22T14:00:00.000Z' }],
    ['that is paused', 'app', ids.app, { state: 'paused', pausedBecause: 'owner' }],
    ['that ends', 'app', ids.app, { state: 'ending' }],
    ['whose end has passed', 'app', ids.app, { endsAt: '2026-11-22T14:00:00.000Z' }],
    ['whose owner left', 'person', ids.maya, { state: 'left' }],
    ['whose owner was not seen', 'person', ids.maya, { seenAt: '2026-10-01T13:59:59.000Z' }],
    ['with a revoked identity', 'identity', ids.run, { state: 'revoked' }],
    ['with a task that is over', 'task', ids.task, { endsAt: '2026-11-22T14:00:00.000Z' }],
    ['with a task for another', 'task', ids.task, { parentId: 'tk_other' }],
    ['of what is out of use', 'resource', ids.deals, { state: 'retired' }],
    ['on hold', 'hold', 'ho_1', { scope: 'app', about: ids.app, setBy: ids.ines, state: 'set' }],
    [
      'of a held owner',
      'hold',
      'ho_1',
      { scope: 'person', about: ids.maya, setBy: ids.ines, state: 'set' },
    ],
  ] as const)('an app %s is not', (_, table, id, members) => {
    expect(effectOf(decided())).toBe('watched')
    company.change(table, id, members)
    expect(effectOf(decided())).toBe('deny')
  })

  it('is denied on facts that have gone stale, and by a rule that fails', () => {
    company.freshness = { position: 1, ageMs: 10_001, regressed: false }
    expect(decided()).toMatchObject({ denial: { rule: 'stale-facts' } })
    company.freshness = { position: 1, ageMs: 3, regressed: false }
    const broken = `@id("broken")
      @says("Adds what can not be added.")
      @owner("security")
      forbid (principal, action == Action::"write", resource)
      when { context.ageMs + 9223372036854775807 > 1 };`
    company.use(openBundle(withFile(readShipped(), broken)))
    expect(decided()).toMatchObject({ denial: { rule: 'policy-error' } })
  })

  it('waits for a person where policy says that one is to agree first', () => {
    const waits = `@id("writes-wait")
      @says("A write waits for a yes.")
      @owner("security")
      forbid (principal, action == Action::"read", resource)
      when { context has approved && !context.approved };`
    company.use(openBundle(withFile(readShipped(), waits)))
    expect(effectOf(decided(['read'], 'lease.use', { call: 'a'.repeat(64) }))).toBe('deny')
    // Also where something else denies it too, which alone would be watched.
    company.change('manifest', 'mf_1', { state: 'superseded' })
    expect(effectOf(decided(['read'], 'lease.use', { call: 'a'.repeat(64) }))).toBe('deny')
    expect(effectOf(decided(['read']))).toBe('watched')
  })

  it('lends nothing of it to another that works for it', () => {
    const other = { appId: 'ap_other', role: 'run', spiffeId: 'spiffe://x', state: 'active' }
    company.change('app', 'ap_other', {
      slug: 'other',
      ownerId: ids.maya,
      backupId: ids.tom,
      stage: 'prototype',
      state: 'active',
      endsAt: until,
      origin: null,
      watchedUntil: null,
    })
    company.change('identity', 'id_other', other)
    const task = { appId: 'ap_other', identityId: 'id_other', parentId: ids.task, kind: 'job' }
    const open = {
      state: 'open',
      endsAt: until,
      autonomy: 'unattended',
      touched: [],
      purpose: 'board',
      provenance: {},
      onBehalfOf: null,
    }
    company.change('task', 'tk_other', { ...task, ...open })
    const decision = decided(['write'], 'lease.use', {
      identityId: 'id_other',
      taskId: 'tk_other',
    })
    expect(effectOf(decision)).toBe('deny')
    expect(decision.record.body).not.toContain('watchedUntil')
  })
})

it('why says of what was watched what policy says, and offers what policy allows alone', async () => {
  const { record } = decided()
  const store = {
    query: async () => [{ ...record, body: record.body }],
  } as never
  const denial = await whyDenied({ ...company.world, store }, record.id)
  expect(denial).toMatchObject({ rule: 'outside-purpose' })
  expect(denial?.instead.every(({ says }) => !says.includes('write is allowed on'))).toBe(true)
})
