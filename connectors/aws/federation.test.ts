/** Somebody there without a stored key: our issuer's word opens our role, and each holder its own. */
import { beforeEach, describe, expect, test } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import type { FakeAws } from '../../test/fakes/aws.ts'
import { type FakeFederation, startFakeFederation } from '../../test/fakes/federation.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { startAwsByThePage, trustIssuer } from '../../test/support/kit/aws.ts'
import { awsConnector } from './aws.ts'

let clock: HandClock
let aws: FakeAws
let federation: FakeFederation
let target: Target
const soon = () => AbortSignal.timeout(15_000)
const open = (by?: FakeFederation) => {
  const { accessKeyId: _, secretAccessKey: __, ...rest } = aws.config
  const admin = 'arn:aws:iam::123456789012:role/leasehold-admin'
  const connector = awsConnector(by)
  return connector.open(connector.parseConfig({ ...rest, admin }), clock)
}

beforeEach(async () => {
  clock = handClock()
  aws = await startAwsByThePage(clock)
  federation = await startFakeFederation(clock)
  trustIssuer(aws, federation.issuer)
  // Nobody has a key there.
  aws.admin.keys.length = 0
  target = open(federation)
  return async () => {
    await target.close()
    expect(aws.breaches).toEqual([])
    await aws.close()
    await federation.close()
  }
})

let serial = 0
const orderOf = (): IssueOrder => ({
  principal: `lh_test_desk_${++serial}`,
  holder: 'lhg_test',
  owner: 'lho_test',
  object: { service: 'sqs', resources: ['arn:aws:sqs:eu-central-1:123456789012:jobs'] },
  actions: ['write'],
  columns: [],
  secret: 'derived-and-never-used',
  deadline: addSeconds(clock.now(), 10),
  endsAt: addSeconds(clock.now(), 900),
})
async function issueNew() {
  const order = orderOf()
  await target.ensureHolder(order, soon())
  const { secret = '', acceptedPath } = await target.issue(order, soon())
  return { ...order, secret, acceptedPath }
}
const faultOf = async (work: Promise<unknown>) => {
  const thrown: unknown = await work.catch((e: unknown) => e)
  if (!isProblem(thrown)) throw new Error(`no Problem: ${String(thrown)}`)
  expect(JSON.stringify([thrown.detail, thrown.next, thrown.log])).not.toMatch(/eyJ|words about/)
  return `${thrown.code} ${thrown.detail} ${thrown.next ?? ''}`
}

describe('with our issuer', () => {
  test('a whole life needs no key, and a holder is only who our word names', async () => {
    const { ok, steps } = await target.preflight(soon())
    expect(steps.filter(step => !step.ok)).toEqual([])
    expect(ok).toBe(true)
    const lease = await issueNew()
    await aws.use(lease.secret, 'sqs:SendMessage', 'arn:aws:sqs:eu-central-1:123456789012:jobs')
    const host = federation.issuer.replace('http://', '')
    expect(aws.roles.get('lhg_test')?.trust.Statement).toEqual([
      {
        Effect: 'Allow',
        Principal: { Federated: `arn:aws:iam::123456789012:oidc-provider/${host}` },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: {
          StringEquals: { [`${host}:aud`]: 'sts.amazonaws.com', [`${host}:sub`]: 'lhg_test' },
        },
      },
    ])
    await target.end(lease, soon())
    expect(judge(await target.verifyGone(lease, soon()))).toBe('verified-gone')
    expect(aws.seen.map(({ action }) => action)).not.toContain('AssumeRole')
  })

  test('our own session is made once, kept until shortly before its end, and made again when it is over', async () => {
    const ours = () => [...aws.sessions.values()].filter(({ name }) => name === 'lh_admin')
    await Promise.all(Array.from({ length: 8 }, () => issueNew()))
    expect(ours()).toHaveLength(1)
    clock.advance(3_200_000)
    await issueNew()
    expect(ours()).toHaveLength(1)
    clock.advance(200_000)
    await issueNew()
    expect(ours()).toHaveLength(2)
    for (const one of ours()) one.isDropped = true
    await issueNew()
    expect(ours()).toHaveLength(3)
  })

  const attack: Readonly<Record<string, () => unknown>> = {
    'for another audience': () => (federation.claims = { aud: 'somebody.else' }),
    'for another holder': () => (federation.claims = { sub: 'lhg_other' }),
    'that is over': () => (federation.claims = { exp: 1_700_000_000, iat: 1_699_999_000 }),
    'with a longer subject than AWS takes': () => (federation.claims = { sub: 'x'.repeat(128) }),
    'by another key': () => federation.forge(),
    'of another issuer': () => (federation.claims = { iss: 'http://127.0.0.1:1/federation' }),
  }
  test.each(Object.keys(attack))(
    'a word %s opens nothing',
    async name => {
      // Our own session is there already: what is refused is the holder's.
      await target.ensureHolder(orderOf(), soon())
      await attack[name]?.()
      expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/^target-(refused|unavail)/)
      expect(aws.living()).toEqual([])
      // Nor does it open ours.
      const another = open(federation)
      expect(await faultOf(another.ensureHolder(orderOf(), soon()))).toMatch(/^target-refused/)
      await another.close()
    },
    20_000,
  )

  test('keys that changed are read anew, and an issuer that is down is no refusal', async () => {
    await issueNew()
    await federation.rotate()
    await issueNew()
    federation.isDown = true
    expect(await faultOf(target.issue(orderOf(), soon()))).toMatch(/^target-unavailable/)
    federation.isDown = false
    await issueNew()
  })

  test('a server without one says what else there is, and asks AWS nothing', async () => {
    const bare = open()
    const told = await faultOf(bare.ensureHolder(orderOf(), soon()))
    expect(told).toMatch(/no issuer that AWS could trust. Connect a user with an access key/)
    expect(aws.seen).toEqual([])
    await bare.close()
  })
})
