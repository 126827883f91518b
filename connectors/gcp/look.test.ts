/** A person looks at a project with the token they have: by the way that was handed in, and by no other. */
import { beforeEach, expect, test } from 'vitest'
import { newAccount, newToken } from '../../test/fakes/gcp/state.ts'
import { type FakeGcp, startFakeGcp } from '../../test/fakes/gcp.ts'
import { handClock } from '../../test/support/clock.ts'
import { inventory } from './inventory.ts'
import { openPerson } from './look.ts'

let gcp: FakeGcp
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  gcp = await startFakeGcp(handClock())
  return async () => {
    expect(gcp.breaches).toEqual([])
    await gcp.close()
  }
})

test('each request goes out by the way that was handed in, with the token alone', async () => {
  newAccount(gcp, 'nightly-etl')
  const token = newToken(gcp, gcp.admin, 3_600).value
  let times = 0
  const looker = openPerson({ project: gcp.project, token, url: gcp.url }, async (to, init) => {
    times += 1
    return fetch(to, init)
  })
  const { found } = await inventory(looker, null, soon())
  expect(found.map(({ kind }) => kind)).toEqual(['account'])
  expect(times).toBe(gcp.seen.length)
  // No token of ours was made for it.
  expect(gcp.seen.filter(({ asked }) => !asked.startsWith('GET '))).toEqual([])
})

test('a token that is over is no list that is not shown', async () => {
  const token = newToken(gcp, gcp.admin, -1).value
  const looker = openPerson({ project: gcp.project, token, url: gcp.url }, fetch)
  await expect(inventory(looker, null, soon())).rejects.toMatchObject({
    code: 'bad-request',
    next: expect.stringContaining('gcloud'),
  })
})
