/** What is taken of people, the page they read among it, and what of that reaches a policy. */
import { readFileSync } from 'node:fs'
import { IAMClient } from '@aws-sdk/client-iam'
import { STSClient } from '@aws-sdk/client-sts'
import { expect, test, vi } from 'vitest'
import { isProblem } from '../../src/core/base/problem.ts'
import { handClock } from '../../test/support/clock.ts'
import { awsBlock, startAwsByThePage } from '../../test/support/kit/aws.ts'
import { awsConnector } from './aws.ts'
import { addressesOf, parseConfig, parseObject } from './config.ts'
import { rightsOf } from './policy.ts'
import services from './services.json' with { type: 'json' }

const admin = 'arn:aws:iam::123456789012:user/leasehold'
const key = { accessKeyId: 'AKIA'.padEnd(20, 'X'), secretAccessKey: 'x'.repeat(40) }
const plain = { admin, ...key, region: 'eu-central-1' }
const fault = (run: () => unknown) => {
  try {
    run()
  } catch (thrown) {
    if (isProblem(thrown, 'invalid-field')) return `${thrown.field} ${thrown.detail}`
    throw thrown
  }
  return 'taken'
}

test('the documented configuration and object are taken, with a key in place of the dots', () => {
  const written = { ...awsBlock('config'), ...key }
  expect(awsConnector().addressOf(parseConfig(written as never))).toBe(
    'aws/123456789012/leasehold/',
  )
  const object = awsBlock('object')
  expect(parseObject(object as never)).toEqual(object)
})

test('each service, and each class it has, is on the page', () => {
  const page = readFileSync(new URL('../../docs/connectors/aws.md', import.meta.url), 'utf8')
  for (const [service, classes] of Object.entries(services)) {
    const [, row = ''] = new RegExp(`^\\| \`${service}\` \\|(.*)\\|$`, 'm').exec(page) ?? []
    const told = row.split('|').map(cell => cell.trim() !== '')
    expect([service, told]).toEqual([service, ['read', 'write', 'destroy'].map(c => c in classes)])
  }
})

test('no service names an action that is not its own, or that gives rights', () => {
  for (const each of ['iam', 'sts', 'organizations']) expect(services).not.toHaveProperty(each)
  for (const classes of Object.values(services))
    for (const action of Object.values(classes).flat())
      expect(action).toMatch(/^(?!.*(Policy|Permission|Acl|Role|Grant))[A-Z][A-Za-z]+$/)
})

test.each([
  [{}, 'taken'],
  [{ admin: 'arn:aws-us-gov:iam::123456789012:user/a/b' }, 'taken'],
  [{ admin: 'arn:aws:iam::123456789012:root' }, 'connect.admin'],
  [{ admin: 'arn:aws:iam::123456789012:role/x' }, 'none for a role'],
  [{ accessKeyId: undefined }, 'an access key for a user'],
  [{ secretAccessKey: undefined }, 'both halves'],
  [{ secretAccessKey: 'two\nlines' }, 'connect.secretAccessKey'],
  [{ region: 'eu' }, 'connect.region'],
  [{ region: 'eu-central-1.evil.example' }, 'connect.region'],
  [{ path: '/leasehold' }, 'connect.path'],
  [{ path: '/a/*/' }, 'connect.path'],
  [{ boundary: 'leasehold-boundary' }, 'connect.boundary'],
  [{ iamUrl: 'http://169.254.169.254' }, 'connect.iamUrl'],
  [{ iamUrl: 'http://127.0.0.1:5000' }, 'taken'],
  [{ more: 1 }, 'connect'],
])('a configuration with %j: %s', (change, says) => {
  const told = fault(() => parseConfig({ ...plain, ...change } as never))
  expect(told).toContain(says)
  expect(told).not.toContain(key.secretAccessKey)
})

const dynamo = 'arn:aws:dynamodb:eu-central-1:123456789012:table/deals'
test.each([
  ['dynamodb', dynamo, 'taken'],
  ['dynamodb', `${dynamo}/index/*`, 'taken'],
  ['dynamodb', 'arn:aws:dynamodb:eu-central-1:123456789012:table/*', 'not everything'],
  ['dynamodb', 'arn:aws:dynamodb:eu-central-1:123456789012:*', 'is an ARN'],
  ['dynamodb', 'arn:aws:s3:::acme', 'of its own service'],
  ['s3', 'arn:aws:s3:::acme/*', 'taken'],
  ['s3', 'arn:aws:s3:::acme*', 'not everything'],
  ['s3', 'arn:aws:s3:::a*b', 'is an ARN'],
  ['s3', 'arn:aws:s3:::acme/${aws:username}', 'is an ARN'],
  ['s3', 'arn:aws:s3:::acme/"}]}', 'is an ARN'],
  ['s3', 'arn:aws:s3:::acme/?', 'is an ARN'],
  ['s3', '*', 'is an ARN'],
  ['ec2', 'arn:aws:ec2:eu-central-1:123456789012:instance/i-1', 'object.service'],
])('a resource of %s named %s: %s', (service, arn, says) => {
  expect(fault(() => parseObject({ service, resources: [arn] }))).toContain(says)
})

test('an action is what its service has for it, and a class that it has not is refused', () => {
  const of = { object: { service: 'dynamodb', resources: [dynamo] }, columns: [] }
  const { actions } = rightsOf({ ...of, actions: ['read', 'write'] })
  expect(actions).toContain('dynamodb:GetItem')
  // What can delete as well is not under writing.
  expect(actions).not.toContain('dynamodb:BatchWriteItem')
  expect(fault(() => rightsOf({ ...of, actions: ['spend'] }))).toContain('no right for `spend`')
})

test.each([
  ['aws', 'eu-central-1'],
  ['aws', 'us-east-1'],
  ['aws-cn', 'cn-northwest-1'],
  ['aws-us-gov', 'us-gov-east-1'],
])('the addresses of %s in %s are those the SDK would find', (partition, region) => {
  const by = { ...plain, admin: admin.replace('aws', partition), region }
  const { iam, sts } = addressesOf(parseConfig(by))
  const credentials = { accessKeyId: 'x', secretAccessKey: 'x' }
  const [toIam, toSts] = [
    new IAMClient({ region: iam.region, credentials }),
    new STSClient({ region: sts.region, credentials }),
  ]
  const found = toIam.config.endpointProvider({ Region: region })
  const [scheme] = (found.properties?.['authSchemes'] ?? []) as { signingRegion?: string }[]
  expect([iam.url, iam.region]).toEqual([found.url.href.replace(/\/$/, ''), scheme?.signingRegion])
  expect(`${sts.url}/`).toBe(toSts.config.endpointProvider({ Region: region }).url.href)
})

test('what the environment of the server says of other addresses is not followed', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9')
  vi.stubEnv('AWS_USE_FIPS_ENDPOINT', 'true')
  vi.stubEnv('AWS_REGION', 'us-west-2')
  const clock = handClock()
  const aws = await startAwsByThePage(clock)
  const target = awsConnector().open(parseConfig(aws.config), clock)
  expect(await target.verifyHolderGone('lhg_none', AbortSignal.timeout(5_000))).toMatchObject({
    listed: 'absent',
  })
  await target.close()
  await aws.close()
  vi.unstubAllEnvs()
})
