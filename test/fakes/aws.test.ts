/** The pretend account says no where AWS would: to signatures, sessions and policies that are not right. */
import { GetRoleCommand, IAMClient, ListUsersCommand } from '@aws-sdk/client-iam'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { beforeEach, describe, expect, test } from 'vitest'
import { handClock } from '../support/clock.ts'
import { awsBlock, startAwsByThePage } from '../support/kit/aws.ts'
import { decide, type Policy, readPolicy } from './aws/policies.ts'
import type { FakeAws } from './aws.ts'

let aws: FakeAws
const clock = handClock()
beforeEach(async () => {
  aws = await startAwsByThePage(clock)
  return () => aws.close()
})

const iamAs = (accessKeyId = '', secretAccessKey = '', sessionToken = '') =>
  new IAMClient({
    endpoint: aws.url,
    region: 'eu-central-1',
    maxAttempts: 1,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
  })
const listBy = (...words: string[]) =>
  iamAs(...words)
    .send(new ListUsersCommand({}))
    .then(
      said => `${said.Users?.length}`,
      (thrown: unknown) => (thrown as Error).name,
    )

describe('a request', () => {
  test('is answered when its key signed it, and not when another did or nobody knows the key', async () => {
    const { accessKeyId = '', secretAccessKey = '' } = aws.config
    expect(await listBy(accessKeyId, secretAccessKey)).toBe('1')
    expect(await listBy(accessKeyId, `${secretAccessKey}x`)).toBe('SignatureDoesNotMatch')
    expect(await listBy('AKIANOBODY000000', secretAccessKey)).toBe('InvalidClientTokenId')
    expect(await listBy(accessKeyId, secretAccessKey, 'a token')).toBe('InvalidClientTokenId')
  })

  test('that was changed on its way, or not signed at all, is refused', async () => {
    const { accessKeyId = '', secretAccessKey = '' } = aws.config
    const client = iamAs(accessKeyId, secretAccessKey)
    client.middlewareStack.add(
      next => args => {
        const request = args.request as { body: string }
        request.body = request.body.replace('one', 'two')
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const changed = client.send(new GetRoleCommand({ RoleName: 'one' }))
    await expect(changed).rejects.toThrow(/SignatureDoesNotMatch/)
    const body = 'Action=ListUsers&Version=2010-05-08'
    const answer = await fetch(aws.url, { method: 'POST', body })
    expect(await answer.text()).toContain('IncompleteSignature')
  })

  test('for a service nobody signed it for, or that is not understood, is refused and noticed', async () => {
    const { accessKeyId = '', secretAccessKey = '' } = aws.config
    const credentials = { accessKeyId, secretAccessKey }
    const sts = new STSClient({ endpoint: aws.url, region: 'eu-central-1', credentials })
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toMatch(/user\/leasehold$/)
    const RoleArn = 'arn:aws:iam::123456789012:role/leasehold/lhg_none'
    const none = sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'lh_none' }))
    await expect(none).rejects.toThrow(/AccessDenied/)
    const odd = await fetch(aws.url, {
      method: 'POST',
      body: 'Action=DeleteAll&Version=2010-05-08',
    })
    expect(await odd.text()).toContain('InvalidAction')
    expect(aws.breaches).toEqual(['not understood: DeleteAll 2010-05-08'])
  })
})

describe('a policy', () => {
  const one = (Effect: string, more: object = {}) =>
    ({ Effect, Action: 's3:Get*', Resource: 'arn:aws:s3:::acme/*', ...more }) as never
  const policy = (...Statement: never[]): Policy => ({ Version: '2012-10-17', Statement })
  const asked = {
    action: 's3:GetObject',
    resource: 'arn:aws:s3:::acme/x',
    context: { 'aws:CurrentTime': '2026-11-22T14:00:00.000Z', 'aws:userid': 'AROA:lh_a' },
  }

  test('allows what it names, denies before that, and is silent otherwise', () => {
    expect(decide([policy(one('Allow'))], asked)).toBe('allowed')
    expect(decide([policy(one('Allow'), one('Deny'))], asked)).toBe('denied')
    expect(decide([policy(one('Allow'))], { ...asked, action: 's3:PutObject' })).toBe('silent')
    const elsewhere = { ...asked, resource: 'arn:aws:s3:::acme-2/x' }
    expect(decide([policy(one('Allow'))], elsewhere)).toBe('silent')
  })

  test.each([
    [{ DateGreaterThan: { 'aws:CurrentTime': '2026-11-22T13:59:59Z' } }, 'denied'],
    [{ DateGreaterThan: { 'aws:CurrentTime': '2026-11-22T14:00:00Z' } }, 'allowed'],
    [{ DateLessThan: { 'aws:TokenIssueTime': '2026-11-22T15:00:00Z' } }, 'allowed'],
    [{ StringEquals: { 'aws:userid': ['AROA:lh_b', 'AROA:lh_a'] } }, 'denied'],
    [{ StringEquals: { 'aws:userid': ['AROA:lh_*'] } }, 'allowed'],
  ])('holds a condition as it is written, and not where there is no such thing: %j', (is, says) => {
    expect(decide([policy(one('Allow'), one('Deny', { Condition: is }))], asked)).toBe(says)
  })

  test('of a form that AWS would not take, or that we do not know, is refused', () => {
    const take = (value: unknown) => () => readPolicy(JSON.stringify(value))
    expect(take(awsBlock('admin'))).not.toThrow()
    const version = { ...policy(one('Allow')), Version: '2008' }
    const operator = policy(one('Deny', { Condition: { NumericEquals: { a: '1' } } }))
    const field = policy(one('Allow', { NotAction: 'x' }))
    const resource = policy(one('Allow', { Resource: 'acme' }))
    for (const each of [version, operator, field, resource])
      expect(take(each)).toThrow(/malformed|no operator/)
  })
})
