/** A person looks at a tenant with the token they have: by the way that was handed in, and by no other. */
import { beforeEach, expect, test } from 'vitest'
import { newApp, newToken } from '../../test/fakes/azure/state.ts'
import { type FakeAzure, startFakeAzure } from '../../test/fakes/azure.ts'
import { handClock } from '../../test/support/clock.ts'
import { inventory } from './inventory.ts'
import { openPerson } from './look.ts'

let azure: FakeAzure
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  azure = await startFakeAzure(handClock())
  return async () => {
    expect(azure.breaches).toEqual([])
    await azure.close()
  }
})

async function open(via: typeof fetch, more = '') {
  const { oid, clientId } = azure.admin
  const { token } = await newToken(azure, oid, clientId, 'https://graph.microsoft.com')
  return openPerson({ tenant: azure.tenant, token: `${token}${more}`, url: azure.url }, via)
}

test('each request goes out by the way that was handed in, with the token alone', async () => {
  newApp(azure, { displayName: 'nightly etl' })
  let times = 0
  const looker = await open(async (to, init) => {
    times += 1
    return fetch(to, init)
  })
  const { found } = await inventory(looker, null, soon())
  expect(found.map(({ kind, name }) => [kind, name])).toEqual([['app', 'nightly etl']])
  expect(times).toBe(azure.seen.length)
  expect(azure.seen.filter(({ asked }) => !asked.startsWith('GET '))).toEqual([])
})

test('a token that is not taken is no list that is not shown', async () => {
  const looker = await open(fetch, 'x')
  await expect(inventory(looker, null, soon())).rejects.toMatchObject({
    code: 'bad-request',
    next: expect.stringContaining('az login'),
  })
})

test('the token for Graph is sent nowhere else', async () => {
  const looker = await open(fetch)
  const asking = looker.readPage('arm', '/subscriptions?api-version=2022-04-01', soon())
  await expect(asking).rejects.toMatchObject({ code: 'target-refused' })
  expect(azure.seen).toEqual([])
})
