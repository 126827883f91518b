/** The canary of an account whose administrator followed the page, and of one who left something out. */
import { beforeEach, expect, test } from 'vitest'
import type { Target } from '../../src/core/target/target.ts'
import { statementsOf } from '../../test/fakes/aws/policies.ts'
import type { FakeAws } from '../../test/fakes/aws.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import {
  awsBlock,
  awsBoundary,
  startAwsByThePage,
  trustIssuer,
  without,
} from '../../test/support/kit/aws.ts'
import { awsConnector } from './aws.ts'

let clock: HandClock
let aws: FakeAws
let target: Target
const soon = () => AbortSignal.timeout(20_000)

beforeEach(async () => {
  clock = handClock()
  aws = await startAwsByThePage(clock)
  trustIssuer(aws, 'https://token.actions.example')
  target = awsConnector().open(awsConnector().parseConfig(aws.config), clock)
  return async () => {
    await target.close()
    expect(aws.breaches).toEqual([])
    await aws.close()
  }
})

test('a canary leaves one role, which lets nobody in, and asks for nothing the page does not give', async () => {
  const { ok, steps } = await target.preflight(soon())
  expect(steps.filter(each => !each.ok || each.detail !== undefined)).toEqual([])
  expect(ok).toBe(true)
  expect([...aws.roles.keys()]).toEqual(['leasehold-admin', 'lhg_canary'])
  expect(aws.living()).toEqual([])
})

const rights = statementsOf(awsBlock('admin')).flatMap(({ Action }) => [Action].flat())
test.each(rights)(
  'without `%s` a canary says that this is missing',
  async right => {
    aws.admin.policy = without(aws.admin.policy, right)
    const { steps } = await target.preflight(soon())
    const told = steps.flatMap(({ detail = '' }) => detail).join(' ')
    expect(told).toContain(right)
    expect(aws.living()).toEqual([])
  },
  30_000,
)

test('without its boundary no role is made, and with a narrower one the canary says what it hangs on', async () => {
  const { boundary: _, ...rest } = aws.config
  const bare = awsConnector().open(awsConnector().parseConfig(rest), clock)
  expect((await bare.preflight(soon())).steps.at(-1)?.detail).toMatch(
    /no right to `iam:CreateRole`/,
  )
  await bare.close()
  aws.boundaries.set(awsBoundary, { Version: '2012-10-17', Statement: [] })
  const { ok, steps } = await target.preflight(soon())
  expect(ok).toBe(false)
  expect(steps.at(-1)).toMatchObject({ name: 'a session is made, and accepted' })
  expect(steps.at(-1)?.detail).toMatch(/does not take the session \(`AccessDenied`\)/)
}, 30_000)
