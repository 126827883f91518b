/** A resource that is the whole connection: what each kind can prove, and that the internal one never does. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { Issued, IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeNotion, startFakeNotion } from '../../test/fakes/notion.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { byHand } from './connection.ts'
import { notionConnector } from './notion.ts'

type Kind = FakeNotion['connection']
let clock: HandClock
let notion: FakeNotion
let target: Target
const open: FakeNotion[] = []
const soon = () => AbortSignal.timeout(5_000)
const brief = () => AbortSignal.timeout(300)

beforeEach(() => {
  clock = handClock()
})
afterEach(() => Promise.all(open.splice(0).map(each => each.close())))

/** Connected as `said`, which it may not be. */
async function connect(is: Kind, more: Readonly<Record<string, unknown>> = {}, said: Kind = is) {
  notion = await startFakeNotion(clock, is)
  open.push(notion)
  const { token, probeToken, url, clientId, clientSecret, admin } = notion.config
  const own = { internal: {}, personal: { admin }, public: { clientId, clientSecret } }[said]
  const all = { connection: said, token, probeToken, url, ...own, ...more }
  const written = Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined))
  target = notionConnector.open(notionConnector.parseConfig(written), clock)
}

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
async function lend() {
  const order = orderOf({ connection: true })
  await target.ensureHolder(order, soon())
  return { order, issued: await target.issue(order, soon()) }
}
const look = (order: IssueOrder, { acceptedPath }: Pick<Issued, 'acceptedPath'>, signal = soon()) =>
  target.verifyGone({ ...order, acceptedPath }, signal)
const problemOf = async (work: Promise<unknown>) => {
  const thrown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return isProblem(thrown) ? `${thrown.code}: ${thrown.detail}` : 'no problem'
}
const isRevoking = (asked: string) => /revoke|^DELETE/.test(asked)

describe('an internal connection', () => {
  test('says that no API ends it, and who deletes it where', async () => {
    await connect('internal')
    const { order, issued } = await lend()
    expect(await problemOf(target.end(order, soon()))).toBe(`target-refused: ${byHand.internal}`)
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'accepted' })
    expect(evidence.because).toMatch(/Settings → Connections.*a named person attests.*still taken/)
    expect(judge(evidence)).toBe('still-there')
  })

  test('is never green by itself, also when a person deleted it and its token is refused', async () => {
    await connect('internal', { admin: undefined })
    const { order, issued } = await lend()
    notion.deleteByHand()
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'unknown', credential: 'refused', probe: 'accepted' })
    expect(evidence.because).toMatch(/a named person attests.*refused now/)
    expect(judge(evidence)).toBe('unreachable')
  })

  test.each(['personal', 'public'] as const)(
    'that was connected as a %s one is not lent: its absence there would be no end',
    async said => {
      await connect('internal', {}, said)
      expect(await problemOf(lend())).toMatch(`not know this token as one of a ${said} connection`)
    },
  )

  test('that was connected as a public one fails the preflight', async () => {
    await connect('internal', {}, 'public')
    expect((await target.preflight(soon())).ok).toBe(false)
  })
})

describe.each(['public', 'personal'] as const)('a %s connection', kind => {
  beforeEach(() => connect(kind))

  test('ends with its lease, on two paths', async () => {
    const { order, issued } = await lend()
    expect(issued.acceptedPath).toMatch(/^users\/me at 127\.0\.0\.1:\d+ as [\w-]+$/)
    expect(judge(await look(order, issued))).toBe('still-there')
    await target.end(order, soon())
    await target.end(order, soon())
    expect(notion.isThere()).toBe(false)
    const evidence = await look(order, issued)
    expect(evidence).toMatchObject({ listed: 'absent', credential: 'refused', probe: 'accepted' })
    expect(judge(evidence)).toBe('verified-gone')
    expect(await problemOf(target.renew(order, soon()))).toMatch(/^target-refused/)
  })

  test('of which Notion says that it ended, and it did not, is still there', async () => {
    const { order, issued } = await lend()
    notion.ending = 'lies'
    await target.end(order, soon())
    expect(judge(await look(order, issued))).toBe('still-there')
    notion.ending = 'honest'
    notion.own.endedAt = null
    await target.end(order, soon())
    expect(judge(await look(order, issued))).toBe('verified-gone')
  })

  test.each([undefined, 'token', 'list'] as const)(
    'that ends 30 seconds late, on the path %s, is still there until it is gone',
    async path => {
      const { order, issued } = await lend()
      notion.ending = { ms: 30_000, ...(path && { path }) }
      await target.end(order, soon())
      clock.advance(29_999)
      expect(judge(await look(order, issued))).toBe('still-there')
      clock.advance(1)
      expect(judge(await look(order, issued))).toBe('verified-gone')
    },
  )

  test('is gone by a look, whatever failed after it was ended', async () => {
    const { order, issued } = await lend()
    notion.fault = asked => (isRevoking(asked) ? { status: 500, isAfter: true } : undefined)
    expect(await problemOf(target.end(order, soon()))).toMatch(/^target-unavailable/)
    notion.fault = () => undefined
    expect(judge(await look(order, issued))).toBe('verified-gone')
  })

  test('is ended when Notion says to come back, and no later', async () => {
    const { order } = await lend()
    const headers = { 'retry-after': '0' }
    let times = 0
    notion.fault = asked =>
      isRevoking(asked) && times++ === 0 ? { status: 429, headers } : undefined
    await target.end(order, soon())
    expect(notion.isThere()).toBe(false)
    notion.fault = () => ({ status: 429, headers: { 'retry-after': '3600' } })
    expect(await problemOf(target.end(order, soon()))).toMatch(/^target-unavailable/)
  })

  test('is not proven gone without another token of ours that is let in', async () => {
    const { order, issued } = await lend()
    await target.end(order, soon())
    notion.isProbeTaken = false
    expect(judge(await look(order, issued))).toBe('revoked-unverified')
    await connect(kind, { probeToken: undefined })
    const alone = await lend()
    await target.end(alone.order, soon())
    const evidence = await look(alone.order, alone.issued)
    expect(evidence.because).toMatch(/no second credential/)
    expect(judge(evidence)).toBe('revoked-unverified')
  })

  test('is not proven gone on a path that never accepted it', async () => {
    const { order, issued } = await lend()
    await target.end(order, soon())
    const elsewhere = issued.acceptedPath.replace('127.0.0.1', 'other.example')
    for (const acceptedPath of ['another path', elsewhere]) {
      const evidence = await look(order, { acceptedPath })
      expect(evidence.credential).toBe('not-tried')
      expect(judge(evidence)).not.toBe('verified-gone')
    }
  })

  test.each(['hangs', 'breaks-off', { status: 500 }] as const)(
    'is unknown where Notion %o',
    async fault => {
      const { order, issued } = await lend()
      notion.fault = () => fault
      expect(await problemOf(target.end(order, brief()))).toMatch(/^target-unavailable/)
      const evidence = await look(order, issued, brief())
      expect(evidence).toMatchObject({ listed: 'unknown', credential: 'not-tried', sessions: null })
      expect(evidence.because).toBeTruthy()
      expect(judge(evidence)).toBe('unreachable')
      expect(await problemOf(target.issue(order, brief()))).toMatch(/^target-unavailable/)
      expect(await problemOf(target.inventory(null, brief()))).toMatch(/^target-unavailable/)
      expect((await target.preflight(brief())).ok).toBe(false)
    },
  )
})

describe('a personal access token', () => {
  test('is not proven gone while the list can not be read, and is when it can', async () => {
    await connect('personal')
    const { order, issued } = await lend()
    notion.adminScopes = ['personal-access-token:read']
    expect(await problemOf(target.end(order, soon()))).toMatch(/^target-refused/)
    notion.deleteByHand()
    notion.adminScopes = []
    expect(judge(await look(order, issued))).toBe('unreachable')
    notion.adminScopes = ['personal-access-token:read']
    expect(judge(await look(order, issued))).toBe('verified-gone')
  })

  test('without the Admin API ends as an internal connection does: by hand', async () => {
    await connect('personal', { admin: undefined })
    const { order, issued } = await lend()
    expect(await problemOf(target.end(order, soon()))).toBe(`target-refused: ${byHand.personal}`)
    notion.deleteByHand()
    const evidence = await look(order, issued)
    expect(evidence.because).toContain(byHand.personal)
    expect(judge(evidence)).toBe('unreachable')
  })

  test('is found in a list of many pages', async () => {
    await connect('personal')
    notion.tokens = Array.from({ length: 350 }, (_, i) => ({ id: `t${i}`, status: 'active' }))
    const { order, issued } = await lend()
    await target.end(order, soon())
    expect(judge(await look(order, issued))).toBe('verified-gone')
  })
})

test('of a public connection a client that Notion does not know proves nothing', async () => {
  await connect('public')
  const { order, issued } = await lend()
  await target.end(order, soon())
  const refused = (asked: string) => (/introspect/.test(asked) ? { status: 401 } : undefined)
  notion.fault = refused
  const evidence = await look(order, issued)
  expect(evidence.listed).toBe('unknown')
  expect(judge(evidence)).toBe('unreachable')
})

describe('a lease through the gateway', () => {
  test('makes and ends nothing there, and is gone with it; the connection is not', async () => {
    await connect('internal')
    const order = orderOf({})
    await target.ensureHolder(order, soon())
    const { acceptedPath, diesAt } = await target.issue(order, soon())
    expect(diesAt).toBe(order.endsAt)
    notion.seen.length = 0
    await target.end(order, soon())
    const evidence = await look(order, { acceptedPath })
    expect(evidence).toMatchObject({ credential: 'none', paths: ['it never left our gateway'] })
    expect(judge(evidence)).toBe('verified-gone')
    expect(notion.seen).toEqual([])
    expect(notion.isThere()).toBe(true)
  })

  test('is not issued once the connection was deleted', async () => {
    await connect('internal')
    notion.deleteByHand()
    expect(await problemOf(target.issue(orderOf({}), soon()))).toMatch(/^target-refused/)
    expect((await target.preflight(soon())).ok).toBe(false)
  })

  test.each([
    ['POST /v1/search', 'read'],
    ['POST /v1/search?x=/y', 'read'],
    ['POST /v1/oauth/revoke?/v1/search', 'change-privilege'],
    ['PATCH /v1/pages/p1', 'write'],
    ['DELETE /v1/blocks/b1', 'destroy'],
    ['POST /v1/oauth/revoke', 'change-privilege'],
    ['GET /admin/v1/spaces/s/personal_access_tokens', 'change-privilege'],
    ['POST /v1/something/new', 'change-privilege'],
  ])('%s is %s', async (asked, action) => {
    await connect('internal')
    expect(target.upstream?.classOf({}, asked)).toBe(action)
    const authorization = `Bearer ${notion.config.token}`
    expect(await target.upstream?.credential()).toEqual({ authorization })
  })
})
