/** A pretend account of AWS is scanned with a person's own rights; its own list says what reached it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Policy } from '../../test/fakes/aws/policies.ts'
import { arnOf, type FakeUser, newId, newKey, newUser } from '../../test/fakes/aws/state.ts'
import { type FakeAws, startFakeAws } from '../../test/fakes/aws.ts'
import { type HandClock, handClock } from '../../test/support/clock.ts'
import { without } from '../../test/support/kit/aws.ts'
import { openSource } from './arguments.ts'
import { awsReads } from './aws.ts'
import { Calls, type Going, openWay } from './outgoing.ts'
import { exits, type Host, runScan } from './run.ts'

interface Told {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly group: string
  readonly notes: string[]
  readonly isOwnerless: boolean
  readonly isUseTold: boolean
  readonly unusedDays: number | null
}
interface Reported {
  readonly isWhole: boolean
  readonly things: Told[]
  readonly unseen: { what: string; needs: string }[]
  readonly calls: { system: string; shape: string; times: number }[]
  readonly keptBack: number
}

const day = 86_400_000
const reading: Policy = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: ['iam:Get*', 'iam:List*'], Resource: '*' },
}
/** Each right by itself, so that one can be missing. */
const byName: Policy = {
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Action:
      'ListRoles GetRole ListUsers GetLoginProfile ListMFADevices ListAccessKeys GetAccessKeyLastUsed ListOpenIDConnectProviders GetOpenIDConnectProvider ListSAMLProviders'
        .split(' ')
        .map(each => `iam:${each}`),
    Resource: '*',
  },
}

let clock: HandClock
let aws: FakeAws
let me: FakeUser
let folder: string
let said: string

beforeEach(async () => {
  clock = handClock()
  aws = await startFakeAws(clock, reading)
  aws.users.delete('leasehold')
  me = newUser(aws, 'maya')
  me.policy = reading
  newKey(aws, me)
  folder = mkdtempSync(join(tmpdir(), 'scan-aws-'))
  said = ''
  return async () => {
    expect(aws.breaches).toEqual([])
    await aws.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

const mine = async () => {
  const [key] = me.keys
  return { accessKeyId: key?.id ?? '', secretAccessKey: key?.secret ?? '' }
}
const goingWith = (more: Partial<Going> = {}): Going => ({
  clock,
  calls: new Calls(),
  sleep: async ms => clock.advance(ms),
  waiting: () => {},
  fetch,
  ...more,
})

function run(more: Partial<Host> = {}): Promise<number> {
  return runScan({
    argv: ['aws'],
    env: { AWS_ENDPOINT_URL: aws.url },
    cwd: folder,
    stdout: { write: text => (said += text) },
    stderr: { write: text => (said += text) },
    clock,
    sleep: async ms => clock.advance(ms),
    fetch,
    tool: async () => '',
    awsKeys: async () => mine,
    signal: new AbortController().signal,
    ...more,
  })
}

const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const reported = () => JSON.parse(read('report.json')) as Reported
const named = (name: string) => reported().things.find(each => each.name === name)
const ruled = (rule: string) => {
  const [{ results } = { results: [] }] = (
    JSON.parse(read('report.sarif')) as {
      runs: {
        results: { ruleId: string; locations: { logicalLocations: { name: string }[] }[] }[]
      }[]
    }
  ).runs
  const of = results.filter(({ ruleId }) => ruleId === rule)
  return of.map(({ locations }) => locations[0]?.logicalLocations[0]?.name)
}

function plantRole(name: string, principal: Readonly<Record<string, string>>): void {
  aws.roles.set(name, {
    name,
    path: '/',
    id: newId('AROA'),
    madeAt: clock.now(),
    trust: {
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' },
    },
    boundary: undefined,
    tags: {},
    longestSeconds: 3_600,
    told: new Map(),
    held: new Map(),
    attached: [],
    lastUsedAt: null,
  })
}

/** What companies have, and the ids of all that AWS shows. */
function plantAccount(): { ids: string[]; secrets: string[] } {
  const users = Array.from({ length: 45 }, (_, i) => newUser(aws, `user-${i}`))
  users.forEach((user, i) => {
    Object.assign(user, { hasPassword: i % 3 === 0, devices: i % 2 })
    if (i % 3 !== 0) newKey(aws, user)
  })
  for (let i = 0; i < 40; i++) plantRole(`service-${i}`, { Service: 'ec2.amazonaws.com' })
  plantRole('partner', { AWS: 'arn:aws:iam::999988887777:root' })
  plantRole('everybody', { AWS: '*' })
  plantRole('neighbour', { AWS: `arn:aws:iam::${aws.account}:root` })
  aws.issuers.set('token.actions.example', { url: 'https://x.example', audiences: ['a'] })
  aws.saml.set('okta', { madeAt: clock.now(), endsAt: clock.now() })
  const all = [...aws.users.values()]
  const keys = all.flatMap(each => each.keys)
  const ids = [
    ...all.map(each => `user ${arnOf(aws, 'user', each)}`),
    ...[...aws.roles.values()].map(each => `role ${arnOf(aws, 'role', each)}`),
    ...keys.map(({ id }) => `key ${id}`),
    ...['oidc-provider/token.actions.example', 'saml-provider/okta'].map(
      each => `issuer arn:aws:iam::${aws.account}:${each}`,
    ),
  ]
  return { ids, secrets: keys.map(({ secret }) => secret) }
}

test('an account is named whole, by nothing but reading, without a secret', async () => {
  const { ids, secrets } = plantAccount()

  expect(await run()).toBe(exits.whole)

  const { things, calls, keptBack } = reported()
  const told = new Set(things.map(({ id }) => id))
  expect(ids.filter(id => !told.has(id))).toEqual([])
  expect(ids.length).toBeGreaterThan(110)
  // Its own list: who asked, for what, and that each call is told.
  expect(new Set(aws.seen.map(({ by }) => by))).toEqual(new Set(['maya']))
  expect(aws.seen.filter(({ action }) => !/^(List|Get)[A-Z]/.test(action))).toEqual([])
  expect(calls.reduce((sum, { times }) => sum + times, 0)).toBe(aws.seen.length)
  expect(keptBack).toBe(0)
  for (const name of ['report.html', 'report.json', 'report.sarif'])
    expect(secrets.filter(secret => read(name).includes(secret))).toEqual([])
  expect(secrets.filter(secret => said.includes(secret))).toEqual([])
  expect(things.every(each => read('report.json').includes(each.id))).toBe(true)
})

describe('a report says', () => {
  test('which keys are old or unused; one that is neither is not among them', async () => {
    const deployer = newUser(aws, 'deployer')
    const [used, forgotten] = [newKey(aws, deployer), newKey(aws, deployer)]
    clock.advance(200 * day)
    const fresh = newKey(aws, deployer)
    for (const key of [used, fresh]) key.lastUsedAt = clock.now()

    expect(await run()).toBe(exits.whole)

    const mineToo = me.keys.map(({ id }) => id)
    expect(new Set(ruled('LH-SCAN-OLD-KEY'))).toEqual(new Set([used.id, forgotten.id, ...mineToo]))
    expect(ruled('LH-SCAN-UNUSED')).toEqual([forgotten.id])
    expect(read('report.html')).toContain('older than 90 days')
    // A user that nobody signs in as has rights, and its keys are what is counted.
    expect(named('deployer')).toMatchObject({ kind: 'user', group: 'rights' })
    // The name of a user is a hint, and nobody's word.
    expect(named(used.id)).toMatchObject({ kind: 'access key', isOwnerless: true })
  })

  test('whom a role lets in from elsewhere; one of the account itself is a right', async () => {
    plantAccount()
    expect(await run()).toBe(exits.whole)
    expect(named('partner')).toMatchObject({ group: 'access', notes: ['lets in 999988887777'] })
    expect(named('everybody')?.notes).toEqual(['lets in everybody its conditions let in'])
    for (const name of ['neighbour', 'service-1'])
      expect(named(name)).toMatchObject({ group: 'rights', notes: [] })
    expect(ruled('LH-SCAN-OPEN')).toEqual(expect.arrayContaining(['partner', 'everybody']))
    expect(ruled('LH-SCAN-OPEN')).not.toContain('neighbour')
  })

  test('who signs in by a password alone; not who shows a second factor', async () => {
    for (const [name, devices] of [
      ['amara', 0],
      ['tom', 1],
    ] as const)
      Object.assign(newUser(aws, name), { hasPassword: true, devices })
    expect(await run()).toBe(exits.whole)
    expect(named('amara')?.notes).toContain('asks for no second factor')
    expect(named('tom')?.notes).not.toContain('asks for no second factor')
    expect(ruled('LH-SCAN-OPEN')).toEqual(['amara'])
  })

  test('what is known of a key by its id, and nothing of another', async () => {
    const [known, other] = [newKey(aws, me), newKey(aws, me)]
    writeFileSync(join(folder, 'known.tsv'), `key ${known.id}\tAmara\n`)
    expect(await run({ argv: ['aws', '--known', 'known.tsv'] })).toBe(exits.whole)
    expect(named(known.id)).toMatchObject({ state: 'known', isOwnerless: false })
    expect(named(other.id)).toMatchObject({ state: 'unknown', isOwnerless: true })
  })

  test('what a right does not show, and of that nothing is said to be unused', async () => {
    const key = newKey(aws, newUser(aws, 'deployer'))
    plantRole('partner', { AWS: '999988887777' })
    clock.advance(400 * day)
    me.policy = byName
    for (const right of ['ListSAMLProviders', 'GetRole', 'GetAccessKeyLastUsed', 'GetLoginProfile'])
      me.policy = without(me.policy, `iam:${right}`)

    expect(await run()).toBe(exits.whole)

    const needs = reported().unseen.map(each => each.needs)
    expect(needs).toContain('iam:ListSAMLProviders (`AccessDenied`)')
    expect(needs).toContain('iam:GetRole')
    expect(needs).toContain('iam:GetAccessKeyLastUsed, iam:GetLoginProfile')
    expect(reported().unseen.map(({ what }) => what)).toContain(
      'the root user of the account, its keys and its second factor',
    )
    for (const name of [key.id, 'partner', 'deployer'])
      expect(named(name)).toMatchObject({ isUseTold: false, unusedDays: null })
    // Whether it has a password was not shown: it is counted.
    expect(named('deployer')?.group).toBe('access')
    expect(ruled('LH-SCAN-UNUSED')).toEqual([])
  })

  test('the same of the same right where it is there', async () => {
    const key = newKey(aws, newUser(aws, 'deployer'))
    clock.advance(400 * day)
    me.policy = byName
    expect(await run()).toBe(exits.whole)
    expect(named(key.id)).toMatchObject({ isUseTold: true, unusedDays: 400 })
    expect(ruled('LH-SCAN-UNUSED')).toEqual([key.id])
  })

  test('that credentials are not taken, and nothing else is asked', async () => {
    const keys = async () => ({ ...(await mine()), secretAccessKey: newId('') })
    expect(await run({ argv: ['aws', 'github:acme'], awsKeys: async () => keys })).toBe(exits.usage)
    expect(said).toContain('AWS does not take our credential')
    expect(aws.seen.map(({ action }) => action)).toEqual(['GetCallerIdentity'])
    expect(said).not.toContain((await mine()).secretAccessKey)
  })

  test('what was seen until a person wanted no more', async () => {
    const stop = new AbortController()
    plantAccount()
    aws.fault = action => {
      if (action === 'ListUsers') stop.abort()
      return undefined
    }
    expect(await run({ signal: stop.signal })).toBe(exits.stopped)
    expect(named('partner')).toBeDefined()
    expect(named('user-1')).toBeUndefined()
    expect(reported().isWhole).toBe(false)
  })
})

test('where AWS says that it was too much it waits, asks again, and loses nothing', async () => {
  plantAccount()
  const began = clock.now()
  let times = 0
  aws.fault = action => (action === 'GetRole' && times++ % 10 === 0 ? { status: 429 } : undefined)
  expect(await run()).toBe(exits.whole)
  expect(reported().things.filter(({ id }) => id.startsWith('role '))).toHaveLength(43)
  expect(Date.parse(clock.now()) - Date.parse(began)).toBeGreaterThan(2_000)
  // The one that was too much, and not all that was asked with it.
  const asked = (what: string) => aws.seen.filter(({ action }) => action === what).length
  expect([asked('ListRoles'), asked('GetRole')]).toEqual([3, 43])
  // What AWS answers badly for good ends it, and is told.
  aws.fault = action => (action === 'ListUsers' ? { status: 500 } : undefined)
  expect(await run()).toBe(exits.notAllRead)
  expect(said).toContain(`aws:${aws.account} was broken off: AWS answered 500.`)
})

describe('what leaves', () => {
  const form = (action: string) => `Action=${action}&Version=2010-05-08`
  test.each([
    ['POST', '/', form('CreateAccessKey')],
    ['POST', '/', form('DeleteUser')],
    ['POST', '/', form('UpdateAccessKey')],
    ['POST', '/', form('GenerateCredentialReport')],
    // Named like reading; each of them answers with a credential.
    ['POST', '/', form('GetSessionToken')],
    ['POST', '/', form('GetFederationToken')],
    ['POST', '/', form('AssumeRole')],
    ['POST', '/', `${form('ListUsers')}&Action=DeleteUser`],
    ['POST', '/?Action=DeleteUser', form('ListUsers')],
    ['POST', '/x', form('ListUsers')],
    ['GET', '/', form('ListUsers')],
    ['POST', '/', ''],
  ])('is not %s %s %s', (method, path, body) => {
    expect(awsReads(method, new URL(path, 'https://iam.example'), body)).toBeUndefined()
  })

  test('is a list by its name', () => {
    const at = new URL('https://iam.example/')
    expect(awsReads('POST', at, form('ListUsers'))).toBe('POST ListUsers')
    expect(awsReads('POST', at, form('GetRole'))).toBe('POST GetRole')
  })

  test('is nothing that would change a thing, by whatever way; what reads does', async () => {
    const going = goingWith()
    const way = openWay({ system: 'aws', reads: awsReads, gapMs: 0 }, going)
    const ask = (action: string) => way(aws.url, { method: 'POST', body: form(action) })
    await expect(ask('CreateUser')).rejects.toMatchObject({ code: 'target-refused' })
    expect(aws.seen).toEqual([])
    expect(going.calls.keptBack).toBe(1)
    // Unsigned, so it is refused there; it arrived.
    expect((await ask('ListUsers')).status).toBe(400)
    expect(aws.seen.map(({ action }) => action)).toEqual(['ListUsers'])
  })

  test.each([
    ['', 'https://sts.us-east-1.amazonaws.com/'],
    ['eu-central-1', 'https://sts.us-east-1.amazonaws.com/'],
    ['cn-northwest-1', 'https://sts.cn-north-1.amazonaws.com.cn/'],
    ['us-gov-east-1', 'https://sts.us-gov-west-1.amazonaws.com/'],
  ])('with the region "%s" goes to %s', async (region, at) => {
    const asked: string[] = []
    const going = goingWith({
      fetch: async to => {
        asked.push(to instanceof Request ? to.url : to.toString())
        throw new Error('nothing is asked here')
      },
    })
    const around = { going, tool: async () => '', awsKeys: async () => mine }
    await openSource('aws', { ...around, env: { AWS_REGION: region } }).catch(() => {})
    expect(asked).toEqual([at])
    const env = { AWS_ENDPOINT_URL: 'http://elsewhere.example' }
    await expect(openSource('aws', { ...around, env })).rejects.toThrow('AWS_ENDPOINT_URL')
    expect(asked).toHaveLength(1)
  })
})
