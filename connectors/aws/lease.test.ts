/** What the kit does not ask, because no other system is like this one. */
import { beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import type { FakeAws } from '../../test/fakes/aws.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { awsBoundary, startAwsByThePage } from '../../test/support/kit/aws.ts'
import { awsConnector } from './aws.ts'

let clock: HandClock
let aws: FakeAws
let target: Target
const soon = () => AbortSignal.timeout(20_000)
const openWith = (change: object = {}, at = clock) =>
  awsConnector().open(awsConnector().parseConfig({ ...aws.config, ...change }), at)

beforeEach(async () => {
  clock = handClock()
  aws = await startAwsByThePage(clock)
  target = openWith()
  return async () => {
    await target.close()
    expect(aws.breaches).toEqual([])
    // It is answered whatever is denied, so it would prove nothing.
    expect(aws.seen.map(({ action }) => action)).not.toContain('GetCallerIdentity')
    await aws.close()
  }
})

const bucket = 'arn:aws:s3:::acme-deals'
const object = { service: 's3', resources: [bucket, `${bucket}/*`] }
let serial = 0
function orderOf(change: Partial<IssueOrder> = {}): IssueOrder {
  return {
    principal: `lh_test_desk_${++serial}`,
    holder: 'lhg_test',
    owner: 'lho_test',
    object,
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
    ...change,
  }
}

async function issueNew(change: Partial<IssueOrder> = {}, by = target) {
  const order = orderOf(change)
  await by.ensureHolder(order, soon())
  const issued = await by.issue(order, soon())
  const { acceptedPath, diesAt } = issued
  return { ...order, secret: issued.secret ?? '', acceptedPath, diesAt }
}
type Lease = Awaited<ReturnType<typeof issueNew>>

async function faultOf(work: Promise<unknown>) {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const told = `${thrown.code} ${thrown.detail} ${thrown.next ?? ''}`
  expect(told).not.toMatch(/words about|ASIA|AKIA|127\.0\.0\.1|FwoG/)
  expect(told).not.toContain(aws.config['secretAccessKey'])
  return told
}
const read = (one: Lease, key = 'reports/1') =>
  aws.use(one.secret, 's3:GetObject', `${bucket}/${key}`)
const verdict = async (one: Lease, by = target) => judge(await by.verifyGone(one, soon()))
const roleOf = (name = 'lhg_test') => {
  const role = aws.roles.get(name)
  if (role === undefined) throw new Error(`no role ${name}`)
  return role
}
const endsOf = (name?: string) =>
  [...roleOf(name).told.keys()].filter(each => /^lh-ended-\d/.test(each))

describe('a session of a lease', () => {
  test('is of a role that only we may be, below our path and its boundary', async () => {
    const lease = await issueNew()
    expect(roleOf()).toMatchObject({
      path: '/leasehold/',
      boundary: awsBoundary,
      longestSeconds: 3_600,
      attached: [],
    })
    expect(roleOf().trust.Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { AWS: aws.config['admin'] },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': 'lhg_test' } },
      },
    ])
    const [one] = [...aws.sessions.values()]
    expect(one).toMatchObject({ name: lease.principal, roleId: roleOf().id })
    expect(lease.diesAt).toBe(addSeconds(clock.now(), 3_550))
    expect(lease.acceptedPath).toContain(lease.principal)
  })

  test('may read what was agreed, and nothing elsewhere, nothing more, and nothing of IAM', async () => {
    const lease = await issueNew()
    await read(lease)
    for (const [action, resource] of [
      ['s3:PutObject', `${bucket}/reports/1`],
      ['s3:GetObject', 'arn:aws:s3:::acme-deals-2/x'],
      ['iam:GetRole', 'arn:aws:iam::123456789012:role/leasehold/lhg_test'],
      ['iam:ListRoleTags', 'arn:aws:iam::123456789012:role/leasehold/lhg_other'],
      ['sts:AssumeRole', 'arn:aws:iam::123456789012:role/leasehold/lhg_test'],
    ] as const)
      await expect(aws.use(lease.secret, action, resource)).rejects.toThrow('AccessDenied')
  })

  test('is worth nothing where AWS made it after its deadline, and the lease is not given', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    aws.stall = async action => {
      if (action === 'AssumeRole' && aws.sessions.size === 0) clock.advance(12_000)
    }
    expect(await faultOf(target.issue(order, soon()))).toMatch(/does not take the session/)
    expect(aws.sessions.size).toBe(1)
    expect(aws.living()).toEqual([])
    // The same a moment sooner.
    const intime = await issueNew()
    expect(aws.living()).toEqual([intime.principal])
  })

  test('dies at its end by its own policy, before AWS lets it expire, and without us', async () => {
    const lease = await issueNew()
    const [one] = [...aws.sessions.values()]
    clock.set(addSeconds(lease.diesAt ?? clock.now(), -1))
    await read(lease)
    clock.advance(2_000)
    expect(clock.now() < (one?.expiresAt ?? '')).toBe(true)
    await expect(read(lease)).rejects.toThrow('AccessDenied')
  })

  test('gains nothing where others widen its role', async () => {
    const lease = await issueNew()
    const statement = { Effect: 'Allow', Action: 's3:*', Resource: '*' }
    roleOf().held.set('more', JSON.stringify({ Version: '2012-10-17', Statement: statement }))
    const remove = () => aws.use(lease.secret, 's3:DeleteObject', `${bucket}/x`)
    await expect(remove()).rejects.toThrow('AccessDenied')
    await read(lease)
  })

  test('is not renewed beyond its end, nor once it is over', async () => {
    const lease = await issueNew()
    const later = { ...lease, endsAt: addSeconds(lease.diesAt ?? clock.now(), 1) }
    expect(await faultOf(target.renew(later, soon()))).toMatch(/no session live that long/)
    await target.renew({ ...lease, endsAt: addSeconds(lease.endsAt, 600) }, soon())
    await target.end(lease, soon())
    expect(await faultOf(target.renew(lease, soon()))).toMatch(/^target-refused/)
  })

  test('is asked for in vain where a class, a column or its size can not be said', async () => {
    const fn = 'arn:aws:lambda:eu-central-1:123456789012:function:refresh'
    const lambda = { service: 'lambda', resources: [fn] }
    const long = Array.from({ length: 10 }, (_, i) => `${bucket}/${'x'.repeat(180)}${i}`)
    for (const change of [
      { actions: ['change-privilege'] },
      { columns: ['name'] },
      { object: lambda, actions: ['read'] },
      { object: { service: 's3', resources: long } },
    ] as Partial<IssueOrder>[])
      expect(await faultOf(target.ensureHolder(orderOf(change), soon()))).toMatch(/^invalid-field/)
    expect(aws.seen).toEqual([])
    await target.ensureHolder(orderOf({ object: lambda, actions: ['write'] }), soon())
  })
})

describe('an end', () => {
  test('is a policy that is written once, and shared by those that come at once', async () => {
    const leases = await Promise.all(Array.from({ length: 12 }, () => issueNew()))
    await Promise.all(leases.map(each => target.end(each, soon())))
    expect(endsOf().length).toBeLessThan(4)
    for (const each of leases) expect(await verdict(each)).toBe('verified-gone')
    const texts = new Map(roleOf().told)
    await target.end(leases[0] as Lease, soon())
    expect(new Map(roleOf().told)).toEqual(texts)
  })

  test('by several servers at once, each seeing what is seconds old, takes no other back', async () => {
    const others = openWith()
    const leases = await Promise.all(Array.from({ length: 16 }, () => issueNew()))
    aws.ending = { ms: 5_000, path: 'lists' }
    const byTurn = (i: number) => (i % 2 === 0 ? target : others)
    for (const half of [leases.slice(0, 8), leases.slice(8)])
      await Promise.all(half.map((each, i) => byTurn(i).end(each, soon())))
    clock.advance(5_001)
    expect(aws.living()).toEqual([])
    for (const each of leases) expect(await verdict(each, others)).toBe('verified-gone')
    await others.close()
  })

  test('is taken away when what it ended could live no more, and not before', async () => {
    const first = await issueNew()
    await target.end(first, soon())
    const [name = ''] = endsOf()
    clock.advance(3_900_000)
    await target.end(await issueNew(), soon())
    expect(endsOf()).toContain(name)
    clock.advance(400_000)
    await target.end(await issueNew(), soon())
    expect(endsOf()).not.toContain(name)
    expect(await verdict(first)).toBe('verified-gone')
  })

  test('that finds no more room ends all of the grant, and says of another grant nothing', async () => {
    const stays = await issueNew()
    const other = await issueNew({ holder: 'lhg_other' })
    const over: Lease[] = []
    while (roleOf().told.get('lh-ended-before')?.includes('1970')) {
      const one = await issueNew()
      await target.end(one, soon())
      over.push(one)
    }
    expect(over.length).toBeGreaterThan(35)
    await expect(read(stays)).rejects.toThrow('AccessDenied')
    await read(other)
    // Until then ours for the proof are over as well.
    clock.advance(16_000)
    for (const each of [over[0], over.at(-1)] as Lease[])
      expect(await verdict(each)).toBe('verified-gone')
    await read(await issueNew())
    // A server whose clock is behind takes nothing back.
    const before = roleOf().told.get('lh-ended-before')
    const behind = openWith({}, handClock('2026-11-22T13:59:30.000Z'))
    await behind.end(
      { ...over[0], principal: 'lh_test_late', deadline: clock.now() } as Lease,
      soon(),
    )
    expect((roleOf().told.get('lh-ended-before') ?? '') >= (before ?? '')).toBe(true)
    await expect(read(stays)).rejects.toThrow('AccessDenied')
    await behind.close()
  }, 60_000)

  test('that others take back is seen, and made again', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    expect(await verdict(lease)).toBe('verified-gone')
    for (const name of endsOf()) {
      roleOf().told.delete(name)
      roleOf().held.delete(name)
    }
    expect(await verdict(lease)).toBe('still-there')
    await target.end(lease, soon())
    expect(await verdict(lease)).toBe('verified-gone')
  })

  test('that others weakened is not read as one', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    const [name = ''] = endsOf()
    const weak = roleOf().told.get(name)?.replace('"Action":"*"', '"Action":"sqs:*"') ?? ''
    roleOf().told.set(name, weak)
    roleOf().held.set(name, weak)
    expect(await verdict(lease)).toBe('still-there')
    await target.end(lease, soon())
    expect(await verdict(lease)).toBe('verified-gone')
  })

  test('ends a session by its name that was made and never confirmed, however late', async () => {
    const order = orderOf()
    await target.ensureHolder(order, soon())
    await target.end(order, soon())
    const issued = await faultOf(target.issue(order, soon()))
    expect(issued).toMatch(/does not take the session/)
    expect(aws.living()).toEqual([])
    const evidence = await target.verifyGone({ ...order, acceptedPath: null }, soon())
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'not-tried', sessions: 0 })
  }, 40_000)

  test('of one that was handed on and lost is unknown until its hour is over', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    const lost = { ...lease, secret: null }
    expect(judge(await target.verifyGone(lost, soon()))).toBe('unreachable')
    clock.advance(4_300_000)
    const evidence = await target.verifyGone(lost, soon())
    expect(evidence).toMatchObject({ listed: 'absent', because: expect.stringContaining('hour') })
    expect(judge(evidence)).toBe('revoked-unverified')
  })

  test('leaves AWS answering who somebody is, which is why nobody asks that', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    await aws.use(lease.secret, 'sts:GetCallerIdentity', '*')
    await expect(read(lease)).rejects.toThrow('AccessDenied')
  })

  test('of a role that others removed is proven while IAM answers, and not while it does not', async () => {
    const lease = await issueNew()
    aws.roles.delete('lhg_test')
    await target.end(lease, soon())
    // What IAM answers can be seconds old.
    expect(await verdict(lease)).toBe('unreachable')
    clock.advance(71_000)
    expect(await verdict(lease)).toBe('verified-gone')
    aws.fault = () => ({ status: 500 })
    expect(await verdict(lease)).toBe('unreachable')
  })

  test('is not proven while no session of ours is let in beside it', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    // Somebody denies the role everything: every session is refused there, for whatever reason.
    const all = { Effect: 'Deny', Action: '*', Resource: '*' }
    roleOf().held.set('all', JSON.stringify({ Version: '2012-10-17', Statement: all }))
    const evidence = await target.verifyGone(lease, soon())
    expect(evidence).toMatchObject({ credential: 'refused', probe: 'refused' })
    expect(judge(evidence)).toBe('revoked-unverified')
  })
})

describe('a holder', () => {
  const attack: Readonly<Record<string, () => unknown>> = {
    'has a policy attached': () => roleOf().attached.push('AdministratorAccess'),
    'has a policy written into it': () => roleOf().told.set('more', '{}'),
    'may be used by others': () =>
      aws.roles.set('lhg_test', { ...roleOf(), trust: { Version: '2012-10-17', Statement: [] } }),
    'lost its boundary': () => aws.roles.set('lhg_test', { ...roleOf(), boundary: undefined }),
    'stands elsewhere': () => aws.roles.set('lhg_test', { ...roleOf(), path: '/' }),
  }
  test.each(Object.keys(attack))('that %s is not used, and not taken over', async name => {
    await issueNew()
    attack[name]?.()
    const told = await faultOf(target.ensureHolder(orderOf(), soon()))
    expect(told).toMatch(/^target-refused The role `lhg_test`/)
    expect(aws.seen.at(-1)?.action).not.toMatch(/^(Put|Delete|Create)/)
  })

  test('is removed so that nothing of it is let in while that goes on', async () => {
    const lease = await issueNew()
    aws.fault = action => (action === 'DeleteRole' ? { status: 500 } : undefined)
    expect(await faultOf(target.removeHolder('lhg_test', soon()))).toMatch(/^target-unavailable/)
    await expect(read(lease)).rejects.toThrow('AccessDenied')
    const writes = aws.seen.filter(({ action }) => action.endsWith('RolePolicy'))
    expect(writes.at(-3)?.action).toBe('PutRolePolicy')
    expect((await target.verifyHolderGone('lhg_test', soon())).listed).toBe('present')
    aws.fault = () => undefined
    const { id } = roleOf()
    // Asked for again meanwhile, it is another role, so what was open stays over.
    await read(await issueNew())
    expect(roleOf().id).not.toBe(id)
    await expect(read(lease)).rejects.toThrow('InvalidClientTokenId')
  })

  test('that others attached something to says so when it is removed', async () => {
    await issueNew()
    roleOf().attached.push('ReadOnlyAccess')
    expect(await faultOf(target.removeHolder('lhg_test', soon()))).toMatch(/Detach them/)
    roleOf().attached = []
    await target.removeHolder('lhg_test', soon())
    expect((await target.verifyHolderGone('lhg_test', soon())).listed).toBe('absent')
  })

  test('names the right that is missing, wherever one is', async () => {
    const { policy } = aws.admin
    const lease = await issueNew()
    for (const right of ['iam:GetRolePolicy', 'iam:PutRolePolicy', 'iam:CreateRole']) {
      const text = JSON.stringify(policy).replace(`"${right}"`, '"iam:Nothing"')
      aws.admin.policy = JSON.parse(text) as NonNullable<typeof policy>
      const told = await faultOf(target.ensureHolder(orderOf({ holder: 'lhg_new' }), soon()))
      expect(told).toContain(`Add \`${right}\``)
      aws.roles.delete('lhg_new')
    }
    aws.admin.policy = policy
    await read(lease)
  })
})

test.each([
  '',
  'lh_',
  'lh_a"b',
  'lh_a:b',
  'lh_A',
  'lh_a/b',
  'lh_a*',
  'lh_ä',
  `lh_${'a'.repeat(61)}`,
])(
  'a name that is not of our form is refused by every verb, and nothing is sent: %j',
  async name => {
    const order = orderOf({ principal: name })
    const calls = [
      target.issue(order, soon()),
      target.renew(order, soon()),
      target.end(order, soon()),
      target.verifyGone({ ...order, acceptedPath: null }, soon()),
      target.ensureHolder({ ...order, holder: name }, soon()),
      target.ensureHolder({ ...order, owner: name }, soon()),
      target.removeHolder(name, soon()),
      target.verifyHolderGone(name, soon()),
    ]
    for (const call of calls) expect(await faultOf(call)).toMatch(/^invalid-field/)
    expect(aws.seen).toEqual([])
  },
)
