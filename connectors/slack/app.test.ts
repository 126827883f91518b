/** A resource that is the whole app: its end, on two paths, at a Slack that lags, lies or says nothing. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Issued, IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeSlack, startFakeSlack } from '../../test/fakes/slack.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { slackConnector } from './slack.ts'

let clock: HandClock
let slack: FakeSlack
let target: Target
const soon = () => AbortSignal.timeout(5_000)
const openWith = (change: Record<string, Json | undefined> = {}) => {
  const all = Object.entries({ ...slack.config, ...change }).filter(([, v]) => v !== undefined)
  return slackConnector.open(slackConnector.parseConfig(Object.fromEntries(all) as Json), clock)
}

beforeEach(async () => {
  clock = handClock()
  slack = await startFakeSlack(clock)
  target = openWith()
  return async () => {
    await target.close()
    expect(slack.breaches).toEqual([])
    await slack.close()
  }
})

const orderOf = (object: Json): IssueOrder => ({
  principal: 'lh_1',
  holder: 'lhg_1',
  owner: 'lho_1',
  object,
  actions: ['read'],
  columns: [],
  secret: 'unused',
  deadline: addSeconds(clock.now(), 10),
  endsAt: addSeconds(clock.now(), 900),
})
async function lend(by = target) {
  const order = orderOf({ app: true })
  await by.ensureHolder(order, soon())
  return { order, issued: await by.issue(order, soon()) }
}
const look = (order: IssueOrder, { acceptedPath }: Issued, by = target) =>
  by.verifyGone({ ...order, acceptedPath }, soon())
const problemOf = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return isProblem(thrown) ? `${thrown.code}: ${thrown.detail}` : 'no problem'
}

describe('the whole app', () => {
  test('is uninstalled with its lease: its token is refused and its bot is gone from the list', async () => {
    const { order, issued } = await lend()
    expect(issued).toMatchObject({ diesAt: null })
    expect(issued.acceptedPath).toMatch(/^auth\.test at 127\.0\.0\.1:\d+ as U0LEASEBOT$/)
    expect(judge(await look(order, issued))).toBe('still-there')
    await target.end(order, soon())
    await target.end(order, soon())
    expect(slack.isThere()).toBe(false)
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'refused', probe: 'accepted' })
    expect(judge(evidence)).toBe('verified-gone')
    expect(await problemOf(target.renew(order, soon()))).toMatch(/^target-refused: .*token_revoked/)
  })

  test('of which Slack says that it ended, and it did not, is still there', async () => {
    const { order, issued } = await lend()
    slack.ending = 'lies'
    await target.end(order, soon())
    expect(judge(await look(order, issued))).toBe('still-there')
    slack.ending = 'honest'
    await target.end(order, soon())
    expect(judge(await look(order, issued))).toBe('verified-gone')
  })

  test.each([undefined, 'token', 'list'] as const)(
    'that ends 30 seconds late, on the path %s, is still there until it is gone',
    async path => {
      const { order, issued } = await lend()
      slack.ending = { ms: 30_000, ...(path && { path }) }
      await target.end(order, soon())
      clock.advance(29_999)
      expect(judge(await look(order, issued))).toBe('still-there')
      clock.advance(1)
      expect(judge(await look(order, issued))).toBe('verified-gone')
    },
  )

  test('is gone by a look, whatever failed after it was ended', async () => {
    const { order, issued } = await lend()
    slack.fault = asked => (/uninstall/.test(asked) ? { status: 500, isAfter: true } : undefined)
    expect(await problemOf(target.end(order, soon()))).toMatch(/^target-unavailable/)
    slack.fault = () => undefined
    expect(judge(await look(order, issued))).toBe('verified-gone')
    await target.end(order, soon())
  })

  test('that Slack will not uninstall loses its token at least, and says who does the rest', async () => {
    const { order, issued } = await lend()
    slack.ending = { ms: 3_600_000, path: 'list' }
    slack.fault = asked => (/uninstall/.test(asked) ? { error: 'user_is_bot' } : undefined)
    expect(await problemOf(target.end(order, soon()))).toMatch(/^target-refused: .*`user_is_bot`/)
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'present', credential: 'refused' })
    expect(judge(evidence)).toBe('still-there')
  })

  test('is not lent where its end can not be made, or not be seen', async () => {
    const [secret, admin] = [
      { clientId: undefined, clientSecret: undefined },
      { adminToken: undefined },
    ]
    for (const less of [secret, admin])
      expect(await problemOf(lend(openWith(less)))).toMatch(/^target-refused: A whole app/)
    slack.scopes.admin = ['admin']
    expect(await problemOf(lend())).toMatch(/^target-refused: .*`missing_scope` to users\.info/)
  })
})

describe('no end is proven', () => {
  test('by a no of Slack that says nothing of the token', async () => {
    const { order, issued } = await lend()
    await target.end(order, soon())
    for (const error of ['org_login_required', 'ekm_access_denied', 'not_authed', 'ratelimited']) {
      slack.fault = asked => (/auth\.test/.test(asked) ? { error } : undefined)
      const evidence = await look(order, issued)
      expect(evidence).toMatchObject({ credential: 'not-tried', sessions: null })
      expect(evidence.because).toContain(error)
      expect(judge(evidence)).not.toBe('verified-gone')
    }
  })

  test('where `invalid_auth` is about our address, and the bot is in the list', async () => {
    const { order, issued } = await lend()
    slack.fault = asked => (/auth\.test/.test(asked) ? { error: 'invalid_auth' } : undefined)
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'present', credential: 'refused', probe: 'refused' })
    expect(judge(evidence)).toBe('still-there')
  })

  test('where who looks for us was ended or lost the right to look', async () => {
    const { order, issued } = await lend()
    await target.end(order, soon())
    slack.scopes.admin = ['admin']
    expect(judge(await look(order, issued))).toBe('unreachable')
    slack.scopes.admin = []
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'unknown', probe: 'refused' })
    expect(judge(evidence)).toBe('unreachable')
  })

  test('on a path that never accepted it', async () => {
    const { order, issued } = await lend()
    await target.end(order, soon())
    const elsewhere = issued.acceptedPath.replace('127.0.0.1', 'other.example')
    for (const acceptedPath of [null, 'another path', elsewhere]) {
      const evidence = await target.verifyGone({ ...order, acceptedPath }, soon())
      expect(evidence).toMatchObject({ credential: 'not-tried' })
      expect(judge(evidence)).not.toBe('verified-gone')
    }
  })

  test.each(['hangs', 'breaks-off', { status: 500 }] as const)('where Slack %o', async fault => {
    const { order, issued } = await lend()
    slack.fault = () => fault
    const brief = AbortSignal.timeout(300)
    expect(await problemOf(target.end(order, brief))).toMatch(/^target-unavailable/)
    const { acceptedPath } = issued
    const evidence = await target.verifyGone({ ...order, acceptedPath }, AbortSignal.timeout(300))
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'not-tried', sessions: null })
    expect(judge(evidence)).toBe('unreachable')
    expect(await problemOf(target.issue(order, AbortSignal.timeout(300)))).toMatch(/^target-un/)
    expect(await problemOf(target.inventory(null, AbortSignal.timeout(300)))).toMatch(/^target-un/)
    expect((await target.preflight(AbortSignal.timeout(300))).ok).toBe(false)
  })
})

describe('a lease through the gateway', () => {
  test('makes and ends nothing there, and is gone with it', async () => {
    const order = orderOf({})
    await target.ensureHolder(order, soon())
    const { acceptedPath, diesAt } = await target.issue(order, soon())
    expect(diesAt).toBe(order.endsAt)
    slack.seen.length = 0
    await target.end(order, soon())
    const evidence = await target.verifyGone({ ...order, acceptedPath }, soon())
    expect(evidence).toMatchObject({ credential: 'none', paths: ['it never left our gateway'] })
    expect(judge(evidence)).toBe('verified-gone')
    expect(slack.seen).toEqual([])
    expect(slack.isThere()).toBe(true)
  })

  test('is not issued while our token is not taken, whatever HTTP says', async () => {
    slack.fault = () => ({ error: 'account_inactive' })
    expect(await problemOf(target.issue(orderOf({}), soon()))).toMatch(/account_inactive/)
    expect((await target.preflight(soon())).ok).toBe(false)
    slack.fault = () => ({ error: `it was ${slack.config['botToken']}` })
    expect(await problemOf(target.issue(orderOf({}), soon()))).toMatch(/`no`/)
  })

  test.each([
    ['POST /api/chat.postMessage', 'write'],
    ['GET /api/chat.postMessage', 'write'],
    ['GET /api/conversations.history', 'read'],
    ['GET /api/admin.apps.approved.list', 'change-privilege'],
    // Slack takes GET for what it does: the method says nothing.
    ['GET /api/auth.revoke', 'change-privilege'],
    ['GET /api/apps.uninstall', 'change-privilege'],
    ['GET /api/conversations.kick', 'change-privilege'],
    ['GET /api/auth.revoke/x.list', undefined],
    ['GET /elsewhere', undefined],
    ['POST /api/conversations.history?cursor=x/y', 'read'],
    ['POST /api/auth.revoke?/api/conversations.history', 'change-privilege'],
  ])('%s is %s', (asked, action) => {
    expect(target.upstream?.classOf({}, asked)).toBe(action)
  })

  test('asks with our token, and by the rules of its resource first', async () => {
    const rules = [{ ask: '* /api/conversations.join', action: 'write' }]
    const object = slackConnector.parseObject({ rules })
    expect(target.upstream?.classOf(object, 'POST /api/conversations.join')).toBe('write')
    const authorization = `Bearer ${slack.config['botToken']}`
    expect(await target.upstream?.credential()).toEqual({ authorization })
    expect(target.upstream?.ofLease).toBeUndefined()
  })
})
