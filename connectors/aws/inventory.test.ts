/** What is in an account: everything, whoever made it, and what was not shown. */
import { beforeEach, expect, test } from 'vitest'
import { addSeconds } from '../../src/core/base/time.ts'
import type { Found, InventoryPage, Target } from '../../src/core/target/target.ts'
import { arnOf, newKey, newUser } from '../../test/fakes/aws/state.ts'
import type { FakeAws } from '../../test/fakes/aws.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { startAwsByThePage, trustIssuer, without } from '../../test/support/kit/aws.ts'
import { awsConnector } from './aws.ts'

let clock: HandClock
let aws: FakeAws
let target: Target
const soon = () => AbortSignal.timeout(15_000)

beforeEach(async () => {
  clock = handClock()
  aws = await startAwsByThePage(clock)
  target = awsConnector().open(awsConnector().parseConfig(aws.config), clock)
  return async () => {
    await target.close()
    expect(aws.breaches).toEqual([])
    await aws.close()
  }
})

async function readAll() {
  const found: Found[] = []
  const unseen: NonNullable<InventoryPage['unseen']>[number][] = []
  for (let cursor: string | null = null; ; ) {
    const page: InventoryPage = await target.inventory(cursor, soon())
    found.push(...page.found)
    unseen.push(...(page.unseen ?? []))
    cursor = page.next
    if (cursor === null) return { found, unseen }
  }
}

test('users are told with their passwords and keys, roles with whom they let in, and outside issuers', async () => {
  const maya = newUser(aws, 'maya')
  Object.assign(maya, { hasPassword: true, devices: 1 })
  const old = newKey(aws, maya)
  clock.advance(86_400_000)
  old.lastUsedAt = clock.now()
  trustIssuer(aws, 'https://token.actions.example')
  const endsAt = addSeconds(clock.now(), 1_000)
  aws.saml.set('okta', { madeAt: clock.now(), endsAt })
  const order = {
    holder: 'lhg_test',
    owner: 'lho_test',
    object: { service: 'sns', resources: ['arn:aws:sns:eu-central-1:123456789012:news'] },
    actions: ['write'],
    columns: [],
  } as const
  await target.ensureHolder(order, soon())
  const { found, unseen } = await readAll()
  const named = (name: string) => found.find(each => each.name === name)
  expect(named('maya')).toMatchObject({
    kind: 'account',
    id: `user ${arnOf(aws, 'user', maya)}`,
    ours: false,
    details: { hasPassword: true, devices: 1 },
  })
  expect(named(old.id)).toMatchObject({
    kind: 'key',
    creator: 'maya',
    madeAt: old.madeAt,
    lastUsedAt: old.lastUsedAt,
    ours: false,
  })
  expect(named(aws.config['accessKeyId'] ?? '')).toMatchObject({ ours: true, creator: 'leasehold' })
  expect(named('lhg_test')).toMatchObject({ kind: 'holder', ours: true })
  expect(named('leasehold-admin')).toMatchObject({
    kind: 'role',
    ours: false,
    details: { trusts: ['arn:aws:iam::123456789012:oidc-provider/token.actions.example'] },
  })
  expect(named('token.actions.example')).toMatchObject({
    kind: 'trust',
    details: { audiences: ['sts.amazonaws.com'] },
  })
  expect(named('okta')).toMatchObject({ kind: 'trust', endsAt })
  // What AWS shows nobody is said as well, and nothing else is missing.
  expect(unseen.map(({ what }) => what)).toEqual([
    'sessions that are open',
    'people of IAM Identity Center',
    'what policies of single resources let in',
  ])
  for (const secret of [old.secret, aws.config['secretAccessKey'] ?? ''])
    expect(JSON.stringify(found)).not.toContain(secret)
})

test('what a right does not show is said with that right, and the rest is told', async () => {
  newKey(aws, newUser(aws, 'maya'))
  for (const right of ['iam:ListRoles', 'iam:GetAccessKeyLastUsed', 'iam:GetLoginProfile'])
    aws.admin.policy = without(aws.admin.policy, right)
  const { found, unseen } = await readAll()
  expect(unseen).toContainEqual({ what: 'roles', needs: 'iam:ListRoles (`AccessDenied`)' })
  expect(unseen).toContainEqual({
    what: 'more of users',
    needs: 'iam:GetAccessKeyLastUsed, iam:GetLoginProfile',
  })
  expect(found.find(({ name }) => name === 'maya')).toMatchObject({
    kind: 'account',
    // What was not shown is not said to be none.
    details: { hasPassword: null, devices: 0 },
  })
})

test('a session is never told: AWS lists none, and a cursor of somebody else is refused', async () => {
  expect((await readAll()).found.filter(({ kind }) => kind === 'principal')).toEqual([])
  await expect(target.inventory('["buckets",""]', soon())).rejects.toThrow(/no cursor of ours/)
})
