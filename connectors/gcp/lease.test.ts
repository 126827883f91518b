/** What the kit does not ask, because no other system is like this one. */
import { setTimeout as wait } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeGcp, startFakeGcp } from '../../test/fakes/gcp.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { gcpConnector } from './gcp.ts'
import { accountId } from './names.ts'

let clock: HandClock
let gcp: FakeGcp
let target: Target
const soon = () => AbortSignal.timeout(14_000)
const connector = gcpConnector()

beforeEach(async () => {
  clock = handClock()
  gcp = await startFakeGcp(clock)
  target = connector.open(connector.parseConfig(gcp.config), clock)
  return async () => {
    await target.close()
    expect(gcp.breaches).toEqual([])
    await gcp.close()
  }
})

function orderOf(change: Partial<IssueOrder> = {}): IssueOrder {
  return {
    principal: 'lh_test_desk',
    holder: 'lhg_test',
    owner: 'lho_test',
    object: { bucket: 'acme-deals' },
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
    ...change,
  }
}

async function issueNew(change: Partial<IssueOrder> = {}) {
  const order = orderOf(change)
  await target.ensureHolder(order, soon())
  const issued = await target.issue(order, soon())
  return { ...order, secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
}

async function faultOf(work: Promise<unknown>) {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const told = `${thrown.code} ${thrown.detail} ${thrown.next ?? ''}`
  expect(told).not.toMatch(/ya29|eyJ|127\.0\.0\.1|Google says/)
  return told
}
const emailOf = (name: string) => `${accountId(name)}@acme-leases.iam.gserviceaccount.com`
const bindingsOf = (place = 'bucket acme-deals') => gcp.policies.get(place)?.bindings ?? []
const rolesOf = (name: string, place?: string) =>
  bindingsOf(place)
    .filter(({ members }) => members.includes(`serviceAccount:${emailOf(name)}`))
    .map(({ role }) => role)

describe('a service account of a lease', () => {
  test('has the role of its grant alone, and only until its hour is over, whatever becomes of us', async () => {
    await issueNew()
    expect(rolesOf('lh_test_desk')).toEqual(['roles/storage.objectViewer'])
    const condition = bindingsOf().find(each => each.condition)?.condition
    const until = addSeconds(clock.now(), 3610)
    expect(condition).toEqual({
      title: 'lhg_test',
      expression: `request.time < timestamp("${until}")`,
    })
    expect(gcp.living()).toEqual([emailOf('lh_test_desk')])
    clock.advance(3_601_000)
    expect(gcp.living()).toEqual([])
  })

  test('that a command makes too late has no right and no token, and is found by its name', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    const held = Promise.withResolvers<void>()
    let isHeld = false
    gcp.stall = async asked => {
      if (asked !== 'POST /v1/projects/acme-leases/serviceAccounts') return
      isHeld = true
      await held.promise
    }
    const sender = new AbortController()
    const sent = faultOf(target.issue(order, sender.signal))
    await expect.poll(() => isHeld).toBe(true)
    sender.abort()
    expect(await sent).toMatch(/target-unavailable/)
    clock.advance(10_001)
    held.resolve()
    await wait(50)
    expect(gcp.accounts.has(emailOf('lh_test_desk'))).toBe(true)
    expect(rolesOf('lh_test_desk')).toEqual([])
    expect(gcp.living()).toEqual([])
    const { found } = await target.inventory(null, soon())
    expect(found).toContainEqual(
      expect.objectContaining({ kind: 'principal', name: 'lh_test_desk', ours: true }),
    )
  })

  test('is given no right by a command that goes on after its deadline', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    gcp.stall = async asked => {
      if (asked.endsWith('/serviceAccounts')) clock.advance(10_001)
    }
    expect(await faultOf(target.issue(order, soon()))).toMatch(/target-refused.*deadline/)
    expect(rolesOf('lh_test_desk')).toEqual([])
  })

  test('is given no right by a command that is asked again after its deadline', async () => {
    await target.ensureHolder(orderOf(), soon())
    gcp.contention = 1
    gcp.stall = async asked => {
      if (asked.startsWith('PUT ')) clock.advance(10_001)
    }
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-refused.*deadline/)
    expect(rolesOf('lh_test_desk')).toEqual([])
  })

  test('that Google has not heard of everywhere is waited for', async () => {
    gcp.unheard = 2
    gcp.slowRights = 1
    await issueNew()
    expect(gcp.living()).toEqual([emailOf('lh_test_desk')])
  })

  test('is refused where the project may have no more of them, with what to do', async () => {
    await target.ensureHolder(orderOf(), soon())
    gcp.quota = 1
    const said = await faultOf(target.issue(orderOf(), soon()))
    expect(said).toMatch(/target-refused.*no more service accounts.*quota/)
  })

  test('is not renewed past its hour, nor when it was taken out of the policy', async () => {
    const lease = await issueNew()
    const endsAt = addSeconds(clock.now(), 3_611)
    expect(await faultOf(target.renew({ ...lease, endsAt }, soon()))).toMatch(/before that/)
    const later = { ...lease, deadline: addSeconds(clock.now(), 100) }
    // What is renewed later still dies when it would have.
    expect((await target.renew(later, soon())).diesAt).toBe(addSeconds(clock.now(), 3_610))
    const policy = gcp.policies.get('bucket acme-deals')
    if (policy) policy.bindings = bindingsOf().filter(each => !each.condition)
    expect(await faultOf(target.renew(lease, soon()))).toMatch(/no rights there any more/)
  })
})

describe('a policy', () => {
  test('keeps what others wrote in it, conditions and all, through a whole life of a lease', async () => {
    const theirs = [
      ...bindingsOf(),
      {
        role: 'roles/storage.objectViewer',
        members: ['user:ada@acme.example'],
        condition: {
          title: 'until',
          expression: 'request.time < timestamp("2030-01-01T00:00:00Z")',
        },
      },
    ]
    const policy = gcp.policies.get('bucket acme-deals')
    if (policy) Object.assign(policy, { bindings: structuredClone(theirs), version: 3 })
    const lease = await issueNew()
    await target.end(lease, soon())
    await target.removeHolder('lhg_test', soon())
    expect(bindingsOf()).toEqual(theirs)
  })

  test('that others change meanwhile is read again, and their change stays', async () => {
    gcp.contention = 3
    await issueNew()
    expect(rolesOf('lh_test_desk')).toEqual(['roles/storage.objectViewer'])
    gcp.contention = 1_000
    const next = { ...orderOf({ holder: 'lhg_next' }) }
    expect(await faultOf(target.ensureHolder(next, AbortSignal.timeout(1_500)))).toMatch(
      /target-unavailable/,
    )
  })

  test('is written once for what many ask at once', async () => {
    await target.ensureHolder(orderOf(), soon())
    const before = gcp.seen.length
    const orders = Array.from({ length: 20 }, (_, i) => orderOf({ principal: `lh_test_${i}` }))
    await Promise.all(orders.map(order => target.issue(order, soon())))
    const writes = gcp.seen.slice(before).filter(({ asked }) => asked.startsWith('PUT '))
    expect(writes.length).toBeLessThan(10)
    expect(gcp.living()).toHaveLength(20)
  })

  test('that somebody widened for the grant is not used until they take it back', async () => {
    await target.ensureHolder(orderOf(), soon())
    const member = `serviceAccount:${emailOf('lhg_test')}`
    bindingsOf().push({ role: 'roles/storage.objectUser', members: [member] })
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/has roles\/storage.objectUser/)
    expect(gcp.accounts.has(emailOf('lh_test_desk'))).toBe(false)
    // Agreeing again takes it away.
    await target.ensureHolder(orderOf(), soon())
    expect(rolesOf('lhg_test')).toEqual(['roles/storage.objectViewer'])
  })

  test('of a resource that is not there is refused', async () => {
    const order = orderOf({ object: { bucket: 'nobodys' } })
    expect(await faultOf(target.ensureHolder(order, soon()))).toMatch(/target-refused.*nobodys/)
  })
})

describe('a role', () => {
  const of = async (object: Json, actions: IssueOrder['actions']) => {
    await target.ensureHolder(orderOf({ object, actions }), soon())
    const place = Object.entries(Object.fromEntries(gcp.policies)).find(
      ([name]) => rolesOf('lhg_test', name).length > 0,
    )
    return rolesOf('lhg_test', place?.[0]).join(' ')
  }

  test('is what was agreed and no more, on a bucket, a secret or a project', async () => {
    const secret = { project: 'acme-data', secret: 'crm-key' }
    expect(await of(secret, ['read'])).toBe('roles/secretmanager.secretAccessor')
    expect(await of({ bucket: 'acme-deals' }, ['destroy', 'write', 'read'])).toContain(
      'roles/storage.objectUser',
    )
  })

  test('that would be more than was agreed is refused', async () => {
    const bucket = { bucket: 'acme-deals' }
    for (const actions of [['destroy'], ['read', 'destroy'], ['spend']] as const)
      expect(await faultOf(of(bucket, actions))).toMatch(/target-refused.*no role for exactly/)
    const columns = orderOf({ columns: ['ID'] })
    expect(await faultOf(target.ensureHolder(columns, soon()))).toMatch(/no columns/)
  })

  test('of a project is one of those that were named when it was connected', async () => {
    const object = (role: string) => ({ project: 'acme-data', roles: { read: [role] } })
    expect(await of(object('roles/bigquery.dataViewer'), ['read'])).toBe(
      'roles/bigquery.dataViewer',
    )
    expect(await faultOf(of(object('roles/pubsub.viewer'), ['read']))).toMatch(
      /not among the roles/,
    )
    expect(await faultOf(of(object('roles/bigquery.dataViewer'), ['write']))).toMatch(/`write`/)
  })
})

describe('an end', () => {
  test('goes on whatever became of the step before it, and is done by doing it again', async () => {
    const lease = await issueNew()
    gcp.fault = asked => (/:disable$|^PUT /.test(asked) ? { status: 500 } : undefined)
    await target.end(lease, soon())
    expect(gcp.living()).toEqual([])
    // Google keeps the name of what is deleted, in the policy.
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ listed: 'present', credential: 'refused' })
    gcp.fault = () => undefined
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
    expect(JSON.stringify(bindingsOf())).not.toContain(accountId('lh_test_desk'))
  })

  test('is unknown where the policy or the account is not shown to us', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    for (const right of ['storage.buckets.getIamPolicy', 'iam.serviceAccounts.get']) {
      gcp.lacks.add(right)
      const seen = await target.verifyGone(lease, soon())
      expect(seen).toMatchObject({ listed: 'unknown', sessions: null })
      expect(judge(seen)).toBe('unreachable')
      gcp.lacks.delete(right)
    }
  })

  test('is proven of a resource that was deleted before it', async () => {
    const lease = await issueNew()
    gcp.policies.delete('bucket acme-deals')
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('is not said of a token that is answered as somebody who is let in and may not ask', async () => {
    gcp.fault = asked => (/acme-leases:testIam/.test(asked) ? { status: 403 } : undefined)
    const lease = await issueNew()
    await target.end(lease, soon())
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ credential: 'accepted', probe: 'not-tried' })
    expect(judge(seen)).toBe('still-there')
    gcp.fault = () => undefined
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('is not said of a token that Google answers with anything but a refusal', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    gcp.fault = asked => (/acme-leases:testIam/.test(asked) ? { status: 404 } : undefined)
    const seen = await target.verifyGone(lease, soon())
    expect(seen).toMatchObject({ credential: 'not-tried', probe: 'not-tried' })
    expect(judge(seen)).toBe('revoked-unverified')
  })
})

test('a grant leaves nothing in a policy, and is found by what stands beside its account', async () => {
  const object = { project: 'acme-data', secret: 'crm-key' }
  await target.ensureHolder(orderOf({ object }), soon())
  expect(gcp.accounts.get(emailOf('lhg_test'))).toMatchObject({
    disabled: true,
    displayName: 'lhg_test',
  })
  await target.removeHolder('lhg_test', soon())
  expect(gcp.policies.get('secret acme-data/crm-key')?.bindings).toEqual([])
  expect(gcp.accounts.size).toBe(0)
})
