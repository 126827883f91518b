import { describe, expect, it } from 'vitest'
import {
  addGrant,
  ids,
  type SmallCompany,
  smallCompany,
} from '../../../test/support/policy-world.ts'
import type { AnyId, IdentityId, LeaseId, ResourceId, TaskId } from '../../core/base/ids.ts'
import type { JsonObject } from '../../core/base/json.ts'
import type { ActionName, DataAction } from '../../core/base/permit.ts'
import { openBundle, withFile } from '../../core/policy/bundle.ts'
import { decide, decideLease } from '../../core/policy/decide.ts'
import type { AboutType, Actor, Denial } from '../../core/policy/question.ts'
import { readRecord } from '../../core/policy/record.ts'
import { explain } from './why.ts'

function use({ world }: SmallCompany, resource: string, ...actions: DataAction[]) {
  return decideLease(world, 'lease.issue', {
    identityId: ids.run as string as IdentityId,
    taskId: ids.task as string as TaskId,
    resourceId: resource as ResourceId,
    actions,
    leaseId: 'ls_1' as LeaseId,
  })
}

function denialOf(decision: ReturnType<typeof use> | ReturnType<typeof decide>): Denial {
  if (decision.allowed) throw new Error('it was allowed')
  return decision.denial
}

function person(
  { world }: SmallCompany,
  who: string,
  action: ActionName,
  about: { type: AboutType; id: string; draft?: JsonObject },
) {
  const actor = { kind: 'person', id: who } as Actor
  return denialOf(decide(world, { actor, action, about: about as { type: AboutType; id: AnyId } }))
}

const app = { type: 'app', id: ids.app } as const

describe('writing customer data from a prototype', () => {
  it('is refused by the rule, with the facts it hangs on and the sandbox instead', () => {
    const company = smallCompany()
    addGrant(company.change, 'gr_sandbox', ids.sandbox, ['write'])
    const denial = denialOf(use(company, ids.contacts, 'write'))
    expect(denial).toMatchObject({
      what: 'deal-desk write crm.contacts',
      rule: 'customer-data-write',
      says: 'Prototypes may not change customer data.',
      where: { file: 'guardrails/data.cedar', owner: 'data' },
      because: [
        { fact: 'stage', is: 'prototype', needs: 'managed', from: 'app' },
        { fact: 'data class', is: 'customer', needs: 'public or internal', from: 'data owner' },
      ],
    })
    expect(denial.wouldPassIf).toContain('the app is graduated')
    expect(denial.wouldPassIf).toContain('the owner of crm.contacts grants it')
    expect(denial.instead[0]).toEqual({
      says: 'The sandbox twin crm.sandbox_contacts is open to this.',
    })
    // What is offered is really allowed.
    expect(use(company, ids.sandbox, 'write').allowed).toBe(true)
  })

  it('offers the sandbox for asking where it is not granted', () => {
    const company = smallCompany()
    const denial = denialOf(use(company, ids.contacts, 'write'))
    expect(denial.instead[0]).toEqual({
      says: 'The sandbox twin crm.sandbox_contacts, once asked for.',
      command: 'ask crm.sandbox_contacts --write',
    })
    addGrant(company.change, 'gr_sandbox', ids.sandbox, ['write'])
    expect(use(company, ids.sandbox, 'write').allowed).toBe(true)
  })

  it('does not offer a sandbox that would be refused too', () => {
    const company = smallCompany()
    company.change('hold', 'ho_1', { scope: 'app', about: ids.app, setBy: ids.ines, state: 'set' })
    expect(denialOf(use(company, ids.contacts, 'write')).instead).toEqual([])
  })
})

describe('the smallest change', () => {
  it('is one grant where one grant is missing', () => {
    const company = smallCompany()
    const denial = denialOf(use(company, ids.sandbox, 'read'))
    expect(denial).toMatchObject({
      rule: 'default-deny',
      because: [{ fact: 'grant', is: 'none', needs: 'read on crm.sandbox_contacts' }],
      wouldPassIf: 'the owner of crm.sandbox_contacts grants it',
    })
    expect(denial.instead[0]).toMatchObject({ command: 'ask crm.sandbox_contacts --read' })
    expect(denial.instead[1]).toEqual({ says: 'read is allowed on crm.deals.' })
    addGrant(company.change, 'gr_sandbox', ids.sandbox, ['read'])
    expect(use(company, ids.sandbox, 'read').allowed).toBe(true)
  })

  it('is all that is missing, and no more, where several are', () => {
    const company = smallCompany()
    company.change('app', ids.app, { state: 'paused', pausedBecause: 'owner' })
    company.change('hold', 'ho_1', { scope: 'app', about: ids.app, setBy: ids.ines, state: 'set' })
    const denial = denialOf(use(company, ids.deals, 'read'))
    expect(denial.rule).toBe('hold')
    expect(denial.wouldPassIf).toBe('the hold is lifted, and the app is resumed')
    company.change('app', ids.app, { state: 'active', pausedBecause: null })
    expect(use(company, ids.deals, 'read').allowed).toBe(false)
    company.change('hold', 'ho_1', { state: 'lifted' })
    expect(use(company, ids.deals, 'read').allowed).toBe(true)
  })

  it('never says that data should be of another class', () => {
    const company = smallCompany()
    company.change('resource', ids.deals, { dataClass: 'hr' })
    const denial = denialOf(use(company, ids.deals, 'read'))
    expect(denial.wouldPassIf).toBe('the app is graduated')
    expect(denial.because.map(each => each.fact)).toContain('data class')
  })

  it('says so where there is none', () => {
    const company = smallCompany()
    company.change('app', ids.app, { state: 'ended' })
    const denial = denialOf(use(company, ids.deals, 'read'))
    expect(denial.wouldPassIf).toBe('No small change of facts would allow this.')
  })

  it('a narrower use is offered where it is allowed', () => {
    const company = smallCompany()
    const { manifest } = {
      manifest: {
        purposes: [
          {
            name: 'board',
            says: '',
            needs: [{ resource: 'crm.deals', actions: ['read', 'write'] }],
            egress: [],
          },
        ],
      },
    }
    company.change('manifest', 'mf_1', manifest)
    const denial = denialOf(use(company, ids.deals, 'read', 'write'))
    expect(denial.instead).toContainEqual({ says: 'read alone is allowed on crm.deals.' })
    expect(use(company, ids.deals, 'read').allowed).toBe(true)
  })

  it.each([
    ['pe_aud', 'app.pause', app, 'its owner or backup does it'],
    [
      'pe_maya',
      'app.extend',
      { ...app, draft: { endsAt: '2027-01-01T00:00:00.000Z' } },
      'the end date is earlier',
    ],
    ['pe_aud', 'log.read', { type: 'installation', id: 'in_acme' }, ''],
    [
      'pe_maya',
      'log.read',
      { type: 'installation', id: 'in_acme' },
      'somebody with the role `platform` does it',
    ],
    [
      'pe_maya',
      'text.erase',
      { type: 'person', id: 'pe_tom' },
      'somebody with the role `security` does it',
    ],
    [
      'pe_maya',
      'app.make',
      {
        type: 'app',
        id: 'ap_new',
        draft: {
          ownerId: 'pe_maya',
          backupId: 'pe_tom',
          stage: 'prototype',
          endsAt: '2027-01-01T00:00:00.000Z',
        },
      },
      'the end date is earlier',
    ],
    [
      'pe_maya',
      'app.make',
      {
        type: 'app',
        id: 'ap_new',
        draft: {
          ownerId: 'pe_maya',
          backupId: 'pe_tom',
          stage: 'managed',
          endsAt: '2026-12-01T00:00:00.000Z',
        },
      },
      'it starts as a prototype',
    ],
    [
      'pe_maya',
      'app.make',
      {
        type: 'app',
        id: 'ap_new',
        draft: {
          ownerId: 'pe_maya',
          backupId: 'pe_maya',
          stage: 'prototype',
          endsAt: '2026-12-01T00:00:00.000Z',
        },
      },
      'another living person is its backup',
    ],
  ] as const)('%s, %s: would pass if %s %s', (who, action, about, says) => {
    const company = smallCompany()
    const actor = { kind: 'person', id: who } as Actor
    const decision = decide(company.world, { actor, action, about: about as never })
    expect(decision.allowed ? '' : decision.denial.wouldPassIf).toBe(says)
  })

  it('another person, where the asker may not answer', () => {
    const company = smallCompany()
    company.change('request', 'rq_2', {
      kind: 'grant',
      appId: ids.app,
      quorum: 1,
      ownAnswer: false,
      state: 'open',
      askedBy: ids.maya,
      approvers: [ids.maya],
    })
    const denial = person(company, ids.maya, 'request.answer', { type: 'request', id: 'rq_2' })
    expect(denial.because).toEqual([
      { fact: 'who answers', is: 'the one who asked', needs: 'somebody else', from: 'request' },
    ])
    expect(denial.wouldPassIf).toBe('another person answers')
  })
})

describe('a denial', () => {
  it('names nobody and shows no id of a person', () => {
    const company = smallCompany()
    const denials = [
      person(company, ids.aud, 'app.end', app),
      person(company, ids.aud, 'app.extend', {
        ...app,
        draft: { endsAt: '2026-12-01T09:00:00.000Z' },
      }),
      denialOf(use(company, ids.contacts, 'write')),
    ]
    expect(JSON.stringify(denials)).not.toMatch(/pe_|id_run/)
  })

  it('names the line of a rule of the company', () => {
    const company = smallCompany()
    const text =
      '\n\n@id("no-fridays")\n@says("Not on Sundays.")\nforbid (principal, action == Action::"read", resource);'
    company.use(openBundle(withFile(company.world.policies().text, text)))
    const denial = denialOf(use(company, ids.deals, 'read'))
    expect(denial).toMatchObject({
      rule: 'no-fridays',
      where: { file: 'company/no-fridays.cedar', line: 3 },
    })
  })

  it('is the same again from its record', () => {
    const company = smallCompany()
    const decision = use(company, ids.contacts, 'write')
    const { world } = company
    const view = { replica: world.replica, now: world.clock.now(), ageMs: 3 }
    expect(explain(world.policies(), readRecord(decision.record.body), view)).toEqual(
      denialOf(decision),
    )
    expect(explain(world.policies(), readRecord(decision.record.body), null)).toMatchObject({
      rule: 'customer-data-write',
    })
  })
})
