/** What the kit does not ask, because no other system is like this one. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { githubConnector } from './github.ts'

let clock: HandClock
let github: FakeGithub
let target: Target
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  clock = handClock()
  github = await startFakeGithub(clock)
  target = githubConnector.open(githubConnector.parseConfig(github.config), clock)
  return async () => {
    await target.close()
    expect(github.breaches).toEqual([])
    await github.close()
  }
})

const permissions = { read: { contents: 'read' }, write: { contents: 'write', issues: 'write' } }
function orderOf(change: Partial<IssueOrder> = {}, object: Record<string, Json> = {}): IssueOrder {
  const now = clock.now()
  return {
    principal: 'lh_test_desk',
    holder: 'lhg_test',
    owner: 'lho_test',
    object: { repository: 'acme/deal-desk', permissions, ...object },
    actions: ['read'],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
    ...change,
  }
}

async function issueNew(change: Partial<IssueOrder> = {}) {
  const order = orderOf(change)
  const issued = await target.issue(order, soon())
  return { ...order, secret: issued.secret ?? '', acceptedPath: issued.acceptedPath }
}

const ofLeases = () => github.living().filter(each => each.repositoryIds !== null)

async function faultOf(work: Promise<unknown>) {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  const told = `${thrown.code} ${thrown.detail} ${thrown.next ?? ''} ${thrown.log ?? ''}`
  expect(told).not.toMatch(/ghs_|eyJ|127\.0\.0\.1|Bad credentials|Not Found|Resource not/)
  return told
}

describe('a token', () => {
  test('is of one repository by its id, with the permissions of the actions and no other', async () => {
    await issueNew({ actions: ['read', 'write'] })
    expect(ofLeases()).toMatchObject([
      {
        repositoryIds: [1001],
        permissions: { metadata: 'read', contents: 'write', issues: 'write' },
      },
    ])
  })

  test('that GitHub gave more than was asked for is ended and not handed on', async () => {
    github.givesMore = { administration: 'write' }
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-refused/)
    expect(ofLeases()).toEqual([])
  })

  test('in the long form of 2026 lives and ends as the short one', async () => {
    github.isStateless = true
    const lease = await issueNew()
    expect(lease.secret.length).toBeGreaterThan(500)
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('that GitHub’s replicas do not know yet is tried again, and never handed on before', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    github.unknownTimes = 2
    await expect(issueNew()).resolves.toMatchObject({ acceptedPath: expect.any(String) })
    github.unknownTimes = 1_000
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/target-unavailable/)
  }, 20_000)

  test('that came after the deadline is taken back', async () => {
    github.fault = asked => {
      if (asked.endsWith('access_tokens') && github.tokens.size > 0) clock.advance(11_000)
      return undefined
    }
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/deadline/)
    expect(ofLeases()).toEqual([])
  })

  test('lives 59 minutes at most, is not renewed beyond, and dies by itself', async () => {
    const { longestSeconds = 0 } = target.describe()
    const lease = await issueNew()
    const until = (seconds: number) => ({
      ...lease,
      endsAt: addSeconds(lease.deadline, seconds - 10),
    })
    await target.renew(until(longestSeconds), soon())
    expect(await faultOf(target.renew(until(3_700), soon()))).toMatch(/target-refused/)
    clock.advance(3_601_000)
    expect(await faultOf(target.renew(until(longestSeconds), soon()))).toMatch(/target-refused/)
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })
})

describe('what is not ours to give', () => {
  test.each([
    ['a repository of somebody else', () => {}, { repository: 'evil/deal-desk' }, 'is not of'],
    ['one that is not there', () => {}, { repository: 'acme/nothing' }, 'not installed'],
    [
      'one that is not in the installation',
      () => Object.assign(github.repositories[0] ?? {}, { isInstalled: false }),
      {},
      'not installed',
    ],
    [
      'one that has the name of another',
      () => Object.assign(github.repositories[0] ?? {}, { id: 6_666 }),
      { id: 1001 },
      'another repository',
    ],
    [
      'a permission the App does not have',
      () => {},
      { permissions: { read: { administration: 'read' } } },
      '`administration: read`',
    ],
    [
      'a permission it may only read',
      () => Object.assign(github.installation.permissions, { contents: 'read' }),
      { permissions: { read: {}, write: { contents: 'write' } } },
      '`contents: write`',
    ],
    [
      'anything of a suspended installation',
      () => Object.assign(github.installation, { isSuspended: true }),
      {},
      'suspended',
    ],
    ['an action without permissions', () => {}, { permissions: { write: {} } }, '`read`'],
  ])('is refused: %s', async (_, change, object, says) => {
    change()
    const actions = 'permissions' in object && 'write' in object.permissions ? ['write'] : ['read']
    const asked = says === '`read`' ? ['read'] : actions
    const order = orderOf({ actions: asked as IssueOrder['actions'] }, object)
    expect(await faultOf(target.ensureHolder(order, soon()))).toContain(says)
    expect(await faultOf(target.issue(order, soon()))).toContain(says)
    expect(ofLeases()).toEqual([])
  })
})

describe('an end', () => {
  test('is proven with another token of ours where the one we had was ended by others', async () => {
    const lease = await issueNew()
    for (const each of github.living().filter(one => one.repositoryIds === null))
      each.endedAt = clock.now()
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('of 40 at once is proven for each, though the token we compare with was ended meanwhile', async () => {
    const leases = await Promise.all(Array.from({ length: 40 }, () => issueNew()))
    for (const each of github.living().filter(one => one.repositoryIds === null))
      each.endedAt = clock.now()
    await Promise.all(leases.map(lease => target.end(lease, soon())))
    const seen = await Promise.all(leases.map(lease => target.verifyGone(lease, soon())))
    expect(new Set(seen.map(judge))).toEqual(new Set(['verified-gone']))
  })

  test('proves nothing while the installation is suspended, and is proven after', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    github.installation.isSuspended = true
    expect(judge(await target.verifyGone(lease, soon()))).not.toBe('verified-gone')
    github.installation.isSuspended = false
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
  })

  test('of a token that lives, seen while the installation is suspended, is unknown', async () => {
    const lease = await issueNew()
    github.installation.isSuspended = true
    expect(judge(await target.verifyGone(lease, soon()))).toBe('unreachable')
  })

  test('is unknown where one path refuses and the other does not answer', async () => {
    const lease = await issueNew()
    await target.end(lease, soon())
    for (const silent of [/graphql/, /installation\/repositories/]) {
      github.fault = asked => (silent.test(asked) ? { status: 502 } : undefined)
      expect(await target.verifyGone(lease, soon())).toMatchObject({
        listed: 'unknown',
        credential: 'not-tried',
        sessions: null,
      })
    }
  })

  test('is looked at again and again while GitHub still takes the token, though it is slow', async () => {
    const lease = await issueNew()
    github.ending = { times: 4 }
    github.fault = () => ({ ms: 50 })
    await target.end(lease, soon())
    const seen: string[] = []
    while (seen.at(-1) !== 'verified-gone' && seen.length < 10)
      seen.push(judge(await target.verifyGone(lease, soon())))
    expect(seen).toEqual(['still-there', 'still-there', 'verified-gone'])
  })

  test('proves nothing by another token’s path', async () => {
    const [one, other] = [await issueNew(), await issueNew()]
    await target.end(one, soon())
    const mixed = { ...one, acceptedPath: other.acceptedPath }
    expect(await target.verifyGone(mixed, soon())).toMatchObject({ credential: 'not-tried' })
  })
})

describe('callers through the gateway', () => {
  test.each([
    ['GET /repos/acme/deal-desk/contents/a', 'read'],
    ['PUT /repos/acme/deal-desk/contents/a', 'write'],
    ['PUT /repos/acme/deal-desk/collaborators/eve', 'change-privilege'],
    ['POST /repos/acme/deal-desk/hooks', 'change-privilege'],
    ['DELETE /repos/acme/deal-desk', 'destroy'],
    ['POST /graphql', 'change-privilege'],
  ])('%s is to %s, also on a server of one’s own', (asked, action) => {
    expect(target.upstream?.classOf(null, asked)).toBe(action)
    const url = 'https://github.example.com/api/v3'
    const own = githubConnector.open(githubConnector.parseConfig({ ...github.config, url }), clock)
    expect(own.upstream?.classOf(null, asked.replace(' /', ' /api/v3/'))).toBe(action)
  })

  test('ask with the token of their lease, and nothing of the App is there to ask with', async () => {
    const lease = await issueNew()
    expect(target.upstream?.ofLease?.(lease.secret)).toEqual({
      authorization: `Bearer ${lease.secret}`,
    })
    expect(await faultOf(target.upstream?.credential() ?? Promise.resolve())).toMatch(/own here/)
    expect(await faultOf(target.upstream?.fetch('/') ?? Promise.resolve())).toMatch(/own here/)
  })
})

test('an expired word of the App is not taken, and the canary says at which step', async () => {
  clock.advance(0)
  github.publicKey = undefined
  const { ok, steps } = await target.preflight(soon())
  expect({ ok, failed: steps.at(-1)?.name }).toEqual({ ok: false, failed: 'the App is known' })
})

test('a canary that failed leaves no token', async () => {
  github.fault = asked => (asked === 'POST /graphql' ? { status: 500 } : undefined)
  expect((await target.preflight(soon())).ok).toBe(false)
  expect(github.living().filter(({ shown }) => shown > 0)).toEqual([])
})
