import { describe, expect, it } from 'vitest'
import { addGrant, ids, smallCompany } from '../../../test/support/policy-world.ts'
import { sha256Hex } from '../base/hash.ts'
import type { AnyId, IdentityId, LeaseId, ResourceId, TaskId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { limits } from '../base/limits.ts'
import type { ActionName, DataAction } from '../base/permit.ts'
import { isProblem } from '../base/problem.ts'
import type { Instant } from '../base/time.ts'
import { decide, decideLease, type PolicyWorld, permitsFor } from './decide.ts'
import type { AboutType, Actor } from './question.ts'

const leaseId = 'ls_1' as LeaseId

function work(resource: string, actions: readonly string[], who: string = ids.run) {
  return {
    identityId: who as IdentityId,
    taskId: ids.task as string as TaskId,
    resourceId: resource as ResourceId,
    actions: actions as readonly DataAction[],
    leaseId,
  }
}

function ask(
  world: PolicyWorld,
  who: string,
  action: ActionName,
  about: { type: AboutType; id: string; draft?: JsonObject },
) {
  const kind = { pe: 'person', id: 'identity', sy: 'system' }[who.slice(0, 2)] ?? 'person'
  const decision = decide(world, {
    actor: { kind, id: who } as Actor,
    action,
    about: about as { type: AboutType; id: AnyId },
  })
  return decision.allowed ? 'yes' : decision.denial.rule
}

const app = { type: 'app', id: ids.app } as const

describe('a lease', () => {
  it('is permitted under a grant, about that lease, as far as task and grant reach', () => {
    const { world } = smallCompany()
    const decision = decideLease(world, 'lease.issue', work(ids.deals, ['read']))
    expect(decision).toMatchObject({
      allowed: true,
      grantId: ids.grant,
      endsAt: '2026-11-22T21:59:00.000Z',
      termSeconds: limits.unattendedTermSeconds,
      holdForMs: limits.holdForMs,
      permit: { action: 'lease.issue', actor: ids.run, about: leaseId },
    })
    const { record } = decision
    expect(record).toMatchObject({ allowed: true, appId: ids.app, taskId: ids.task })
    expect(record.hash).toBe(sha256Hex(record.body))
    const body = JSON.parse(record.body) as { outcome: { rules: string[] } }
    expect(body.outcome.rules).toEqual(['prototype-read', 'credential-under-grant'])
  })

  it('is renewed by a permit of its own', () => {
    const { world } = smallCompany()
    const decision = decideLease(world, 'lease.renew', work(ids.deals, ['read']))
    expect(decision).toMatchObject({
      allowed: true,
      permit: { action: 'lease.renew', about: leaseId },
    })
  })

  it.each([
    ['another action than granted', ids.deals, ['write'], ids.run, 'outside-purpose'],
    ['more than granted', ids.deals, ['read', 'write'], ids.run, 'outside-purpose'],
    ['customer data to change', ids.contacts, ['write'], ids.run, 'customer-data-write'],
    ['what is not granted', ids.sandbox, ['read'], ids.run, 'default-deny'],
    ['a task of another identity', ids.deals, ['read'], ids.build, 'unknown-thing'],
    ['an identity nobody knows', ids.deals, ['read'], 'id_none', 'unknown-actor'],
    ['a resource nobody knows', 'rs_none', ['read'], ids.run, 'unknown-thing'],
    ['an action nobody knows', ids.deals, ['Read'], ids.run, 'unknown-action'],
    ['no action at all', ids.deals, [], ids.run, 'unknown-action'],
  ])('not for %s', (_, resource, actions, who, rule) => {
    const { world } = smallCompany()
    const decision = decideLease(world, 'lease.issue', work(resource, actions, who))
    expect(decision).toMatchObject({ allowed: false, denial: { rule } })
    expect(decision.record.allowed).toBe(false)
  })

  it.each([
    ['the app', 'app', ids.app, 'hold'],
    ['the identity', 'identity', ids.run, 'hold'],
    ['its owner', 'person', ids.maya, 'hold'],
    ['everything', 'everything', 'everything', 'hold'],
    ['its day', 'day', 'day/build-day', 'hold'],
    ['another day', 'day', 'day/build', 'yes'],
    ['another app', 'app', 'ap_other', 'yes'],
    ['somebody else', 'person', ids.ines, 'yes'],
  ])('a hold on %s: %s %s → %s', (_, scope, about, rule) => {
    const { world, change } = smallCompany()
    change('hold', 'ho_1', { scope, about, setBy: ids.ines, state: 'set' })
    const decision = decideLease(world, 'lease.issue', work(ids.deals, ['read']))
    expect(decision.allowed ? 'yes' : decision.denial.rule).toBe(rule)
    change('hold', 'ho_1', { state: 'lifted' })
    expect(decideLease(world, 'lease.issue', work(ids.deals, ['read'])).allowed).toBe(true)
  })

  it.each([
    ['app', ids.app, { state: 'paused', pausedBecause: 'owner' }, 'app-not-running'],
    ['app', ids.app, { state: 'ended' }, 'app-over'],
    ['app', ids.app, { endsAt: '2026-11-22T14:00:00.000Z' }, 'app-over'],
    ['identity', ids.run, { state: 'revoked' }, 'identity-revoked'],
    ['task', ids.task, { endsAt: '2026-11-22T13:59:59.000Z' }, 'task-over'],
    ['task', ids.task, { state: 'closed' }, 'unknown-thing'],
    ['task', ids.task, { purpose: 'other' }, 'outside-purpose'],
    ['person', ids.maya, { state: 'left' }, 'living-owner'],
    ['person', ids.maya, { seenAt: '2026-10-08T13:59:59.000Z' }, 'living-owner'],
    ['target', 'tg_crm', { production: true }, 'prototype-never-in-production'],
    ['target', 'tg_crm', { state: 'retired' }, 'resource-retired'],
    ['resource', ids.deals, { dataClass: 'hr' }, 'regulated-needs-managed'],
    ['resource', ids.deals, { state: 'retired' }, 'resource-retired'],
    ['app_grant', ids.grant, { state: 'dropped' }, 'default-deny'],
    ['app_grant', ids.grant, { endsAt: '2026-11-22T14:00:00.000Z' }, 'default-deny'],
    ['app_grant', ids.grant, { roles: ['agent'] }, 'default-deny'],
    ['app_grant', ids.grant, { appId: 'ap_other' }, 'default-deny'],
    ['manifest', 'mf_1', { state: 'superseded' }, 'outside-purpose'],
  ] as const)('one fact turned, %s %s %o, turns the answer', (table, id, members, rule) => {
    const { world, change } = smallCompany()
    expect(decideLease(world, 'lease.issue', work(ids.deals, ['read'])).allowed).toBe(true)
    change(table, id, members)
    expect(decideLease(world, 'lease.issue', work(ids.deals, ['read']))).toMatchObject({
      denial: { rule },
    })
  })

  it('the grant that is enough is found among many', () => {
    const { world, change } = smallCompany()
    for (let i = 0; i < 30; i++)
      addGrant(change, `gr_${i}`, ids.deals, ['read'], {
        columns: [],
        endsAt: `2026-11-2${i % 4}T16:00:00.000Z`,
      })
    change('resource', ids.deals, { dataClass: 'customer' })
    const decision = decideLease(world, 'lease.issue', work(ids.deals, ['read']))
    expect(decision).toMatchObject({ allowed: true, grantId: ids.grant, holdForMs: 0 })
  })

  it('an owner who is gone too long has nothing renewed either', () => {
    const { world, change } = smallCompany()
    change('person', ids.maya, { state: 'left' })
    change('app', ids.app, { orphanedAt: '2026-11-20T14:00:00.000Z' })
    expect(decideLease(world, 'lease.renew', work(ids.deals, ['read'])).allowed).toBe(true)
    change('app', ids.app, { orphanedAt: '2026-11-19T14:00:00.000Z' })
    expect(decideLease(world, 'lease.renew', work(ids.deals, ['read']))).toMatchObject({
      denial: { rule: 'owner-gone-too-long' },
    })
  })
})

describe('fresh facts', () => {
  it('are needed for anything new, not for ending', () => {
    const company = smallCompany()
    company.freshness = { position: 1, ageMs: 10_001, regressed: false }
    expect(decideLease(company.world, 'lease.issue', work(ids.deals, ['read']))).toMatchObject({
      denial: { rule: 'stale-facts', because: [{ is: '10 s', needs: 'at most 10 s' }] },
    })
    expect(ask(company.world, ids.maya, 'app.end', app)).toBe('yes')
    company.freshness = { position: 1, ageMs: 0, regressed: true }
    expect(ask(company.world, ids.maya, 'app.end', app)).toBe('log-regressed')
  })
})

describe('people', () => {
  const draft = {
    ownerId: ids.maya,
    backupId: ids.tom,
    stage: 'prototype',
    dataClasses: ['internal'],
    endsAt: '2026-11-29T16:00:00.000Z',
  }
  const fresh = { type: 'app', id: 'ap_new' } as const

  it.each([
    ['as it should be', {}, 'yes'],
    ['for somebody else', { ownerId: ids.ines }, 'default-deny'],
    ['with a backup who left', { backupId: 'pe_gone' }, 'two-living-people'],
    ['with oneself as backup', { backupId: ids.maya }, 'two-living-people'],
    ['without an end', { endsAt: null }, 'prototype-thirty-days'],
    ['with an end that is no instant', { endsAt: 'next year' }, 'prototype-thirty-days'],
    [
      'for longer than thirty days',
      { endsAt: '2026-12-22T14:00:00.001Z' },
      'prototype-thirty-days',
    ],
    ['as managed', { stage: 'managed' }, 'starts-as-prototype'],
    ['for HR data', { dataClasses: ['hr'] }, 'prototype-holds-nothing-regulated'],
  ])('an app is made %s: %o → %s', (_, members, rule) => {
    const { world } = smallCompany()
    const about = { ...fresh, draft: { ...draft, ...members } as JsonObject }
    expect(ask(world, ids.maya, 'app.make', about)).toBe(rule)
  })

  it('only owner and backup extend, and only so far', () => {
    const { world } = smallCompany()
    const extend = (who: string, endsAt: string) =>
      ask(world, who, 'app.extend', { ...app, draft: { endsAt } })
    expect(extend(ids.maya, '2026-12-20T09:00:00.000Z')).toBe('yes')
    expect(extend(ids.tom, '2026-12-01T09:00:00.000Z')).toBe('yes')
    expect(extend(ids.maya, '2026-12-20T09:00:00.001Z')).toBe('prototype-extended-to-thirty-days')
    expect(extend(ids.pat, '2026-12-01T09:00:00.000Z')).toBe('default-deny')
    expect(extend(ids.run, '2026-12-01T09:00:00.000Z')).toBe('no-self-elevation')
  })

  it('a request is answered by whom it names, never by who asked', () => {
    const { world, change } = smallCompany()
    const request = { kind: 'grant', appId: ids.app, quorum: 1, ownAnswer: false, state: 'open' }
    change('request', 'rq_2', { ...request, askedBy: ids.maya, approvers: [ids.maya, ids.tom] })
    const answer = (who: string) =>
      ask(world, who, 'request.answer', { type: 'request', id: 'rq_2' })
    expect(answer(ids.tom)).toBe('yes')
    expect(answer(ids.maya)).toBe('asker-never-answers')
    expect(answer(ids.ines)).toBe('default-deny')
    expect(answer('id_agent')).toBe('no-self-elevation')
    change('installation', 'in_acme', { mode: 'solo' })
    expect(answer(ids.maya)).toBe('asker-never-answers')
    change('request', 'rq_2', { ownAnswer: true })
    expect(answer(ids.maya)).toBe('yes')
  })

  it('data is asked for within the tier of the app', () => {
    const { world, change } = smallCompany()
    const about = (resourceId: string, actions: string[]) =>
      ({
        type: 'request',
        id: 'rq_new',
        draft: { kind: 'grant', appId: ids.app, resourceId, actions },
      }) as const
    const make = (resourceId: string, actions: string[]) =>
      ask(world, ids.maya, 'request.make', about(resourceId, actions))
    expect(make(ids.deals, ['read', 'write'])).toBe('yes')
    expect(make(ids.contacts, ['read'])).toBe('yes')
    expect(make(ids.contacts, ['write'])).toBe('ask-within-tier')
    expect(make(ids.sandbox, ['write'])).toBe('yes')
    expect(make('rs_none', ['read'])).toBe('ask-within-tier')
    change('app', ids.app, { stage: 'managed' })
    expect(make(ids.contacts, ['write'])).toBe('yes')
  })

  it('a day is held and let go on by platform and security people, not by an owner of an app of it', () => {
    const { world, change } = smallCompany()
    const draft = { scope: 'day' }
    const set = (who: string) => ask(world, who, 'hold.set', { type: 'hold', id: 'ho_new', draft })
    expect([set(ids.ines), set(ids.maya)]).toEqual(['yes', 'default-deny'])
    change('hold', 'ho_1', { scope: 'day', about: 'day/build-day', setBy: ids.ines, state: 'set' })
    const about = { type: 'app', id: ids.app } as const
    const later = { ...about, draft: { endsAt: '2026-11-30T14:00:00.000Z' } }
    expect(ask(world, ids.maya, 'app.extend', later)).toBe('hold')
    expect(ask(world, ids.maya, 'app.end', about)).toBe('yes')
    expect(ask(world, ids.ines, 'hold.lift', { type: 'hold', id: 'ho_1' })).toBe('yes')
  })

  it('an owner holds their own app and lifts that again, and no other', () => {
    const { world, change } = smallCompany()
    const set = (who: string, draft: JsonObject) =>
      ask(world, who, 'hold.set', { type: 'hold', id: 'ho_new', draft })
    expect(set(ids.maya, { scope: 'app', appId: ids.app })).toBe('yes')
    expect(set(ids.maya, { scope: 'app', about: ids.app })).toBe('yes')
    expect(set(ids.maya, { scope: 'identity', about: ids.run })).toBe('yes')
    expect(set(ids.maya, { scope: 'everything', about: 'everything' })).toBe('default-deny')
    expect(set(ids.aud, { scope: 'app', appId: ids.app })).toBe('default-deny')
    expect(set(ids.ines, { scope: 'everything', about: 'everything' })).toBe('yes')
    const lift = (who: string) => ask(world, who, 'hold.lift', { type: 'hold', id: 'ho_1' })
    change('hold', 'ho_1', { scope: 'app', about: ids.app, setBy: ids.maya, state: 'set' })
    expect(lift(ids.maya)).toBe('yes')
    expect(lift(ids.tom)).toBe('default-deny')
    change('hold', 'ho_2', { scope: 'person', about: ids.maya, setBy: ids.ines, state: 'set' })
    expect(lift(ids.maya)).toBe('held-person-lifts-nothing')
  })

  it('data is not put into a lower class by one person', () => {
    const { world } = smallCompany()
    const define = (dataClass: string) =>
      ask(world, ids.pat, 'resource.define', {
        type: 'resource',
        id: ids.contacts,
        draft: { dataClass },
      })
    expect(define('hr')).toBe('yes')
    expect(define('internal')).toBe('class-never-lowered-alone')
    expect(define('nothing')).toBe('class-never-lowered-alone')
    expect(
      ask(world, ids.pat, 'resource.define', {
        type: 'resource',
        id: 'rs_new',
        draft: { dataClass: 'public' },
      }),
    ).toBe('yes')
  })

  it('what belongs to an app is its owners', () => {
    const { world, change } = smallCompany()
    change('app', 'ap_other', {
      slug: 'other',
      ownerId: ids.ines,
      backupId: ids.pat,
      stage: 'prototype',
      state: 'active',
      dataClasses: [],
      madeAt: '2026-11-20T09:00:00.000Z',
      endsAt: '2026-11-27T16:00:00.000Z',
      maxEndsAt: '2026-12-20T09:00:00.000Z',
      offeredTo: null,
      orphanedAt: null,
      pausedBecause: null,
    })
    for (const [type, id, action] of [
      ['grant', ids.grant, 'grant.drop'],
      ['task', ids.task, 'task.close'],
      ['identity', ids.run, 'identity.revoke'],
    ] as const) {
      expect(ask(world, ids.maya, action, { type, id })).toBe('yes')
      // A draft that claims another app is not believed where the row is known.
      expect(ask(world, ids.aud, action, { type, id, draft: { appId: 'ap_other' } })).toBe(
        'default-deny',
      )
      expect(ask(world, ids.maya, action, { type, id: 'xx_none' })).toBe('unknown-thing')
    }
    expect(
      ask(world, ids.maya, 'lease.end', { type: 'lease', id: 'ls_9', draft: { appId: ids.app } }),
    ).toBe('yes')
    expect(
      ask(world, ids.maya, 'lease.end', {
        type: 'lease',
        id: 'ls_9',
        draft: { appId: 'ap_other' },
      }),
    ).toBe('default-deny')
  })
})

describe('identities', () => {
  it('begin work for a purpose the manifest has, in their own app', () => {
    const { world, change } = smallCompany()
    const open = (who: string, draft: JsonObject) =>
      ask(world, who, 'token.exchange', { type: 'token', id: 'tn_1', draft })
    expect(open(ids.run, { purpose: 'board', identityId: ids.run })).toBe('yes')
    expect(open(ids.run, { purpose: 'other' })).toBe('default-deny')
    expect(open(ids.run, { purpose: 'board', onBehalfOf: ids.maya })).toBe('yes')
    expect(open(ids.run, { purpose: 'board', onBehalfOf: 'pe_gone' })).toBe(
      'attended-by-somebody-living',
    )
    change('identity', 'id_foreign', { appId: 'ap_other', role: 'run', state: 'active' })
    expect(open('id_foreign', { purpose: 'board', identityId: ids.run })).toBe('default-deny')
  })
})

describe('nothing from outside reaches further than it may', () => {
  it('an action or a thing that does not exist is denied', () => {
    const { world } = smallCompany()
    for (const action of [
      'app.destroy',
      'App.End',
      'toString',
      '__proto__',
      'gain',
      'read',
      'lease.issue',
    ])
      expect(ask(world, ids.maya, action as ActionName, app)).toBe('unknown-action')
    for (const type of ['App', 'constructor', '__proto__', ''])
      expect(ask(world, ids.maya, 'app.end', { type: type as AboutType, id: ids.app })).toBe(
        'unknown-action',
      )
  })

  it('somebody nobody knows is denied, also by a look-alike id', () => {
    const { world } = smallCompany()
    for (const who of ['pe_none', 'pe_maya ', 'PE_MAYA', 'pe_mаya', 'sy_app-sweep '])
      expect(ask(world, who, 'app.end', app)).not.toBe('yes')
  })

  it('a draft with foreign keys adds nothing', () => {
    const { world } = smallCompany()
    const draft = JSON.parse(
      '{"endsAt":"2026-12-01T09:00:00.000Z","__proto__":{"stage":"managed"},"constructor":"x","app":{"owner":"pe_aud"},"holds":-1,"mode":"solo"}',
    ) as JsonObject
    expect(ask(world, ids.aud, 'app.extend', { ...app, draft })).toBe('default-deny')
    expect(ask(world, ids.maya, 'app.extend', { ...app, draft })).toBe('yes')
    expect(({} as { stage?: string }).stage).toBeUndefined()
  })

  it.each(['__proto__', 'constructor', 'a" } || true', 'crm.deals\u0000', '*', '../crm', '‮slaed'])(
    'a slug like %j is a text and nothing else',
    slug => {
      const { world, change } = smallCompany()
      change('resource', ids.deals, { slug })
      expect(decideLease(world, 'lease.issue', work(ids.deals, ['read']))).toMatchObject({
        denial: { rule: 'outside-purpose' },
      })
      const needs = [{ resource: slug, actions: ['read'] }]
      change('manifest', 'mf_1', { purposes: [{ name: 'board', says: '', needs, egress: [] }] })
      expect(decideLease(world, 'lease.issue', work(ids.deals, ['read'])).allowed).toBe(true)
    },
  )

  it('half a character in a fact is never a yes', () => {
    const { world, change } = smallCompany()
    change('app', ids.app, { slug: 'a\ud800' })
    expect(() => decideLease(world, 'lease.issue', work(ids.deals, ['read']))).toThrow(
      'lone surrogate',
    )
  })

  it('a fraction of a millisecond of age is counted up, never sent as a fraction', () => {
    const company = smallCompany()
    company.freshness = { position: 1, ageMs: 9_999.5, regressed: false }
    expect(decideLease(company.world, 'lease.issue', work(ids.deals, ['read'])).allowed).toBe(true)
  })
})

describe('sweeps', () => {
  it('get a permit for their own work, and a problem for any other', () => {
    const { world } = smallCompany()
    const permitFor = permitsFor(world)
    const about = { type: 'app', id: ids.app as string as AnyId }
    expect(permitFor('sy_app-sweep' as never, 'app.end', about)).toMatchObject({
      action: 'app.end',
      actor: 'sy_app-sweep',
      about: ids.app,
    })
    const installation = { type: 'installation', id: 'in_acme' as AnyId }
    expect(permitFor('sy_lease-sweep' as never, 'lease.end', installation).about).toBe('in_acme')
    const thrown = catching(() => permitFor('sy_app-sweep' as never, 'app.extend', about))
    expect(isProblem(thrown, 'denied')).toBe(true)
    expect(
      isProblem(
        catching(() => permitFor('sy_none' as never, 'app.end', about)),
        'denied',
      ),
    ).toBe(true)
  })

  it('change no app that nobody knows', () => {
    const { world } = smallCompany()
    expect(ask(world, 'sy_app-sweep', 'app.resume', { type: 'app', id: 'ap_none' })).toBe(
      'unknown-thing',
    )
  })
})

describe('time', () => {
  it('is that of the clock, to the millisecond', () => {
    const { world, clock } = smallCompany()
    clock.set('2026-11-22T21:58:59.999Z' as Instant)
    expect(decideLease(world, 'lease.issue', work(ids.deals, ['read'])).allowed).toBe(true)
    clock.advance(1)
    expect(decideLease(world, 'lease.issue', work(ids.deals, ['read']))).toMatchObject({
      denial: { rule: 'task-over' },
    })
  })
})

function catching(run: () => unknown): unknown {
  try {
    run()
  } catch (thrown) {
    return thrown
  }
  return undefined
}
