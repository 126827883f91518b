/** A person looks with what they have: by the way that was handed in, and by no other. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateUserCommand, ListUsersCommand } from '@aws-sdk/client-iam'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { newId, newKey, newUser } from '../../test/fakes/aws/state.ts'
import { type FakeAws, startFakeAws } from '../../test/fakes/aws.ts'
import { handClock } from '../../test/support/clock.ts'
import { inventory } from './inventory.ts'
import { findKeys, openPerson } from './look.ts'
import { refused } from './trouble.ts'

let aws: FakeAws
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  const Statement = { Effect: 'Allow', Action: 'iam:*', Resource: '*' } as const
  const policy = { Version: '2012-10-17', Statement }
  aws = await startFakeAws(handClock(), policy)
  newUser(aws, 'maya').policy = policy
  return async () => {
    expect(aws.breaches).toEqual([])
    await aws.close()
  }
})

function open(via: typeof fetch) {
  const maya = aws.users.get('maya')
  if (maya === undefined) throw new Error('nobody')
  const { id: accessKeyId, secret: secretAccessKey } = newKey(aws, maya)
  const keys = async () => ({ accessKeyId, secretAccessKey })
  return openPerson({ partition: 'aws', url: aws.url, keys }, via)
}

test('each request goes out by the way that was handed in, signed as that person', async () => {
  let times = 0
  const maya = open(async (...asked) => {
    times += 1
    return fetch(...asked)
  })
  expect(await maya.account(soon())).toBe(aws.account)
  const { found } = await inventory(maya.looker, '["users",""]', soon())
  expect(found.map(({ name, ours }) => [name, ours])).toContainEqual(['maya', false])
  expect(times).toBe(aws.seen.length)
  expect(new Set(aws.seen.map(({ by }) => by))).toEqual(new Set(['maya']))
})

test('what that way keeps back does not arrive; what it lets through does', async () => {
  const { looker } = open(async (to, init) => {
    if (typeof init?.body === 'string' && init.body.includes('Action=Create'))
      throw refused('It was kept back.')
    return fetch(to, init)
  })
  const making = looker.ask(new CreateUserCommand({ UserName: 'x' }), soon())
  await expect(making).rejects.toMatchObject({ detail: 'It was kept back.' })
  expect(aws.seen).toEqual([])
  expect((await looker.ask(new ListUsersCommand({}), soon())).Users).toHaveLength(2)
})

test('who stops waits no more', async () => {
  const { looker } = open(fetch)
  aws.fault = () => 'hangs'
  const asking = looker.ask(new ListUsersCommand({}), AbortSignal.timeout(50))
  await expect(asking).rejects.toMatchObject({ code: 'target-unavailable' })
})

describe("credentials are what AWS's own tools find", () => {
  const [id, secret] = [newId('AKIA'), newId('')]
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'aws-look-'))
    for (const [name, value] of Object.entries({
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      AWS_SESSION_TOKEN: undefined,
      AWS_PROFILE: undefined,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: join(folder, 'config'),
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    }))
      vi.stubEnv(name, value)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })

  test('in the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', id)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret)
    const found = await (await findKeys())?.()
    expect(found).toMatchObject({ accessKeyId: id, secretAccessKey: secret })
  })

  test('in the profile that is named, and nothing where none is', async () => {
    const lines = `[ops]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`
    writeFileSync(join(folder, 'credentials'), lines)
    expect(await findKeys()).toBeUndefined()
    vi.stubEnv('AWS_PROFILE', 'ops')
    expect(await (await findKeys())?.()).toMatchObject({ accessKeyId: id })
  })
})
