/**
 * The connector for AWS against moto, whose answers are not ours: roles and their policies, our issuer as
 * a provider, sessions by its word, the inventory. moto judges no policy and checks no word, so what an
 * end means is not asked here. `test/verify/moto.sh` starts it; without one these are seen to be skipped.
 */
import {
  AttachRolePolicyCommand,
  CreateAccessKeyCommand,
  CreateOpenIDConnectProviderCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
} from '@aws-sdk/client-iam'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { awsConnector } from '../../connectors/aws/aws.ts'
import { addSeconds, systemClock } from '../../src/core/base/time.ts'
import type { Found, IssueOrder, Target } from '../../src/core/target/target.ts'
import { type FakeFederation, startFakeFederation } from '../fakes/federation.ts'

const url = process.env['LEASEHOLD_MOTO_URL']
const account = '123456789012'
const region = 'eu-central-1'
const soon = () => AbortSignal.timeout(15_000)

describe.skipIf(url === undefined)('moto', () => {
  let federation: FakeFederation
  let iam: IAMClient
  const targets: Record<string, Target> = {}

  beforeAll(async () => {
    federation = await startFakeFederation(systemClock)
    const credentials = { accessKeyId: 'setup', secretAccessKey: 'setup' }
    iam = new IAMClient({ endpoint: url ?? '', region, credentials })
    const Url = federation.issuer.replace('http:', 'https:')
    const ThumbprintList = ['0'.repeat(40)]
    const ClientIDList = ['sts.amazonaws.com']
    await iam.send(new CreateOpenIDConnectProviderCommand({ Url, ClientIDList, ThumbprintList }))
    const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [] })
    const RoleName = 'leasehold-admin'
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }))
    await iam.send(new CreateUserCommand({ UserName: 'leasehold' }))
    const made = await iam.send(new CreateAccessKeyCommand({ UserName: 'leasehold' }))
    const { AccessKeyId = '', SecretAccessKey = '' } = made.AccessKey ?? {}
    const at = { region, iamUrl: url ?? '', stsUrl: url ?? '' }
    const open = (config: Record<string, string>, path: string) => {
      const connector = awsConnector(federation)
      return connector.open(connector.parseConfig({ ...at, ...config, path }), systemClock)
    }
    const key = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }
    const user = { admin: `arn:aws:iam::${account}:user/leasehold`, ...key }
    targets['an access key'] = open(user, '/leasehold/key/')
    const role = { admin: `arn:aws:iam::${account}:role/${RoleName}` }
    targets['our issuer'] = open(role, '/leasehold/word/')
  })
  afterAll(async () => {
    for (const each of Object.values(targets)) await each.close()
    iam?.destroy()
    await federation?.close()
  })

  let serial = 0
  const orderOf = (): IssueOrder => {
    const name = `moto_${process.pid}_${++serial}`
    return {
      principal: `lh_${name}`,
      holder: `lhg_${name}`,
      owner: `lho_${name}`,
      object: { service: 's3', resources: ['arn:aws:s3:::acme-deals/reports/*'] },
      actions: ['read', 'write'],
      columns: [],
      secret: 'derived-and-never-used',
      deadline: addSeconds(systemClock.now(), 10),
      endsAt: addSeconds(systemClock.now(), 900),
    }
  }
  const targetBy = (way: string): Target => {
    const target = targets[way]
    if (target === undefined) throw new Error(`no way ${way}`)
    return target
  }
  const listAll = async (target: Target) => {
    const found: Found[] = []
    for (let cursor: string | null = null; ; ) {
      const page = await target.inventory(cursor, soon())
      found.push(...page.found)
      cursor = page.next
      if (cursor === null) return found
    }
  }

  test.each(['an access key', 'our issuer'])('a holder lives its whole life by %s', async way => {
    const target = targetBy(way)
    const order = orderOf()
    await target.ensureHolder(order, soon())
    await target.ensureHolder({ ...order, actions: ['read'] }, soon())
    expect((await target.verifyHolderGone(order.holder, soon())).listed).toBe('present')
    expect((await listAll(target)).find(({ name }) => name === order.holder)).toMatchObject({
      kind: 'holder',
      ours: true,
    })
    await target.removeHolder(order.holder, soon())
    await target.removeHolder(order.holder, soon())
    expect(await target.verifyHolderGone(order.holder, soon())).toMatchObject({ listed: 'absent' })
  })

  test.each(['an access key', 'our issuer'])(
    'a session is made by %s, and its end is written and read back',
    async way => {
      const target = targetBy(way)
      const order = orderOf()
      await target.ensureHolder(order, soon())
      const issued = await target.issue(order, soon())
      const secret = issued.secret ?? ''
      expect(JSON.parse(secret)).toMatchObject({ Version: 1, Expiration: issued.diesAt })
      const asked = { ...order, secret, acceptedPath: issued.acceptedPath }
      expect(await target.verifyGone(asked, soon())).toMatchObject({
        listed: 'present',
        credential: 'accepted',
        probe: 'accepted',
      })
      await target.end(asked, soon())
      // moto enforces no policy: the list says that it is over, and the session that it is not.
      expect(await target.verifyGone(asked, soon())).toMatchObject({
        listed: 'absent',
        credential: 'accepted',
      })
      await target.removeHolder(order.holder, soon())
      const later = { ...asked, deadline: addSeconds(order.deadline, -120) }
      expect((await target.verifyGone(later, soon())).listed).toBe('absent')
    },
  )

  test('a role that others attached a policy to is not used', async () => {
    const target = targetBy('an access key')
    const order = orderOf()
    await target.ensureHolder(order, soon())
    const Statement = [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }]
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement })
    const PolicyName = `more-${order.holder}`
    const { Policy } = await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument }))
    const PolicyArn = Policy?.Arn
    await iam.send(new AttachRolePolicyCommand({ RoleName: order.holder, PolicyArn }))
    const more = new RegExp(`not ours: ${PolicyName}`)
    await expect(target.ensureHolder(order, soon())).rejects.toThrow(more)
  })

  test('an inventory names users, keys, roles and our issuer, with every call understood', async () => {
    const found = await listAll(targetBy('an access key'))
    const kinds = (kind: string) => found.filter(each => each.kind === kind).map(({ name }) => name)
    expect(kinds('account')).toContain('leasehold')
    expect(kinds('key')).toHaveLength(1)
    expect(kinds('role')).toContain('leasehold-admin')
    expect(kinds('trust')).toEqual([federation.issuer.replace('http://', '')])
    expect(found.find(({ kind }) => kind === 'trust')?.ours).toBe(true)
  })
})
