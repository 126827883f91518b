/** AWS for the kit: the pretend account, with the policies of our page, on a clock turned by hand. */
import { readFileSync } from 'node:fs'
import { awsConnector } from '../../../connectors/aws/aws.ts'
import { type Policy, statementsOf } from '../../fakes/aws/policies.ts'
import { newId, newUser } from '../../fakes/aws/state.ts'
import { type FakeAws, startFakeAws } from '../../fakes/aws.ts'
import type { Fault } from '../../fakes/github/state.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'
import { tooMany } from './too-many.ts'

const at = new URL('../../../docs/connectors/aws.md', import.meta.url)
const page = readFileSync(at, 'utf8')

/** What people are told to write. */
export function awsBlock(kind: string): Policy {
  const [, text = ''] = new RegExp(`\`\`\`json ${kind}\\n(.*?)\\n\`\`\``, 's').exec(page) ?? []
  return JSON.parse(text) as Policy
}

export const awsBoundary = 'arn:aws:iam::123456789012:policy/leasehold-boundary'

/** As an administrator who follows the page has it. */
export async function startAwsByThePage(clock: Parameters<typeof startFakeAws>[0]) {
  const aws = await startFakeAws(clock, awsBlock('admin'))
  aws.boundaries.set(awsBoundary, awsBlock('boundary'))
  return Object.assign(aws, { config: { ...aws.config, boundary: awsBoundary } })
}

/** Our role there, as the page has it, for the word of this issuer. */
export function trustIssuer(aws: FakeAws, issuer: string): void {
  const host = issuer.replace(/^https?:\/\//, '')
  aws.issuers.set(host, { url: issuer, audiences: ['sts.amazonaws.com'] })
  const text = JSON.stringify(awsBlock('trust'))
  const trust = JSON.parse(text.replaceAll('leasehold.acme.example/federation', host)) as Policy
  const policies = new Map([['ours', JSON.stringify(awsBlock('admin'))]])
  aws.roles.set('leasehold-admin', {
    name: 'leasehold-admin',
    path: '/',
    id: newId('AROA'),
    madeAt: aws.clock.now(),
    trust,
    boundary: undefined,
    tags: {},
    longestSeconds: 3_600,
    told: policies,
    held: policies,
    attached: [],
    lastUsedAt: null,
  })
}

const bucket = 'arn:aws:s3:::acme-deals'
const unlocked =
  'AWS has no lock: a session that was made late is refused by its own policy, which a test of the connector holds back'
const unlisted = 'AWS lists no sessions; bad names are said in the tests of the connector'

export async function awsFixture(): Promise<KitFixture> {
  const clock = handClock()
  const aws = await startAwsByThePage(clock)
  const connector = awsConnector()
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    const config = { ...aws.config, iamUrl: url, stsUrl: url }
    return connector.open(connector.parseConfig(config), clock)
  }
  const port = Number(new URL(aws.url).port)
  const target = openAt(port)
  const object = { service: 's3', resources: [bucket, `${bucket}/reports/*`] }
  return {
    connector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['holders', 'mints', 'hand'],
    asks: { object, actions: ['read', 'write'], columns: [] },
    asksLess: { actions: ['read'], columns: [] },
    allowed: [`s3:GetObject ${bucket}/reports/1`, `s3:PutObject ${bucket}/reports/1`],
    forbidden: `s3:DeleteObject ${bucket}/reports/1`,
    badObjects: [
      null,
      {},
      ...['*', 'arn:aws:s3:::*', 'arn:aws:s3:::acme*', 'arn:aws:s3:::a?c', 'arn:aws:sqs:x:1:q'].map(
        arn => ({ ...object, resources: [arn] }),
      ),
      ...['arn:aws:s3:::a/${aws:userid}', 'arn:aws:s3:::аcme', 'arn:aws:s3:::a"b', ' x'].map(
        arn => ({
          ...object,
          resources: [arn],
        }),
      ),
      { ...object, resources: Array.from({ length: 11 }, () => bucket) },
      { service: 'iam', resources: ['arn:aws:iam::123456789012:role/x'] },
      { service: 'dynamodb', resources: ['arn:aws:dynamodb:eu-central-1:123456789012:table/*'] },
    ],
    newSecret: () =>
      JSON.stringify({ AccessKeyId: newId('ASIA'), SecretAccessKey: newId(''), SessionToken: '-' }),
    signIn: (_, secret) => signIn(aws, secret),
    port,
    openAt,
    outside: outsideOf(aws),
    notApplicable: {
      'a held credential is cut off and refused, a released one works again':
        'AWS can not hold a session',
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'AWS makes the session, and nobody can choose another',
      'what stays behind is named until others take it away':
        'AWS does not say which session made a thing',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'everything of ours is listed by name, page by page, until it is gone': unlisted,
      'a name that is not of our form is refused by every verb': unlisted,
    },
    async close() {
      await target.close()
      await aws.close()
      if (aws.breaches.length > 0) throw new Error(aws.breaches.join('\n'))
    },
  }
}

function outsideOf(aws: FakeAws): KitOutside {
  const heal = async () => {
    aws.fault = () => undefined
    aws.ending = 'honest'
  }
  return {
    count: async () => aws.living().length,
    has: async name => aws.roles.has(name) || aws.living().includes(name),
    async drop(principal) {
      for (const one of aws.sessions.values()) if (one.name === principal) one.isDropped = true
    },
    async seenAs(_, secret) {
      const session = await signIn(aws, secret)
      await session.use(`s3:GetObject ${bucket}/reports/1`)
      return aws.seen.at(-1)?.by ?? ''
    },
    async plant(count) {
      const names = Array.from({ length: count }, (_, i) => `planted-${1000 + i}`)
      for (const name of names) newUser(aws, name)
      return async () => names.forEach(name => aws.users.delete(name))
    },
    async tooMuch(seconds) {
      const much = { fault: (_: string): unknown => undefined }
      tooMany(much, seconds)
      aws.fault = action => much.fault(action) as Fault | undefined
      return heal
    },
    async failAfter(verb) {
      const fault: Fault = { status: 500, isAfter: true }
      aws.fault = (action, { PolicyName: name = '' }) =>
        (verb === 'issue' ? /^AssumeRole/ : /^PutRolePolicy.*-ended-/).test(`${action} ${name}`)
          ? fault
          : undefined
      return heal
    },
    async lie() {
      aws.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      const on = { first: 'lists', second: 'session' } as const
      aws.ending = { ms, ...(path && { path: on[path] }) }
      return heal
    },
    async expireAdmin() {
      const keys = aws.admin.keys.splice(0)
      return async () => void aws.admin.keys.push(...keys)
    },
    async narrowAdmin() {
      const { policy } = aws.admin
      aws.admin.policy = without(policy, 'iam:CreateRole')
      return async () => void (aws.admin.policy = policy)
    },
  }
}

/** Our policy, less one action. */
export function without(policy: Policy | undefined, action: string): Policy | undefined {
  return (
    policy && {
      ...policy,
      Statement: statementsOf(policy).map(each => ({
        ...each,
        Action: [each.Action].flat().filter(one => one !== action),
      })),
    }
  )
}

/** As the holder of a session has it: each use is a request by itself. */
async function signIn(aws: FakeAws, secret: string): Promise<KitSession> {
  const use = async (what: string) => {
    const [action = '', resource = ''] = what.split(' ')
    return aws.use(secret, action, resource)
  }
  await use(`s3:ListBucket ${bucket}`)
  return { use, close: async () => {} }
}
