/** What happens once happens once, also when many ask at the same moment of a real PostgreSQL. */
import * as oidc from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../../test/fakes/postgres.ts'
import {
  answerDevice,
  browserOf,
  type OauthServer,
  startOauthServer,
} from '../../../../test/support/oauth.ts'
import { systemId } from '../../../core/base/ids.ts'
import { isProblem } from '../../../core/base/problem.ts'
import { signInPerson } from '../../../core/people/sign-in.ts'
import { openStore } from '../../../core/store/open.ts'
import type { Store } from '../../../core/store/store.ts'
import { makeLink, redeemLink } from '../../../life/sign-in/link.ts'
import { verifyPersonToken } from '../../../life/sign-in/person-token.ts'

const many = Array.from({ length: 50 }, (_, i) => i)

let postgres: RunningPostgres
let store: Store
let server: OauthServer
let client: oidc.Configuration

beforeAll(async () => {
  postgres = await startPostgres({ fsync: false })
  store = await openStore({ url: postgres.url() })
  server = await startOauthServer({ store })
  client = await oidc.discovery(new URL(server.origin), 'leasehold-cli', {}, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  })
})
afterAll(async () => {
  await server.stop()
  await store.close()
  await postgres.stop()
})

async function askAndAllow(): Promise<oidc.DeviceAuthorizationResponse> {
  const asked = await oidc.initiateDeviceAuthorization(client, {})
  await answerDevice(await browserOf(server, 'maya'), asked.verification_uri_complete ?? '')
  return { ...asked, interval: 0.05 }
}

async function atOnce(fields: Record<string, string>): Promise<Response[]> {
  const body = new URLSearchParams({ client_id: 'leasehold-cli', ...fields })
  const answers = await Promise.all(
    many.map(() => fetch(`${server.origin}/oauth/token`, { method: 'POST', body })),
  )
  expect(new Set(answers.map(answer => answer.status))).not.toContain(500)
  return answers.filter(answer => answer.status === 200)
}

/** How many of these answers hold a token that still passes: two holders of one secret is too many. */
async function countStanding(good: readonly Response[]): Promise<number> {
  let standing = 0
  for (const answer of good) {
    const tokens = (await answer.json()) as { access_token: string }
    const verdict = await verifyPersonToken(server.world, tokens.access_token).catch(
      (thrown: unknown) => thrown,
    )
    if (!isProblem(verdict, 'token-refused')) standing++
  }
  return standing
}

test('one of 50 redeems a one-time link', async () => {
  const link = await makeLink(server.world, systemId('genesis'), { personId: server.first.id })
  const all = await Promise.allSettled(many.map(() => redeemLink(server.world, link.secret)))
  expect(all.filter(one => one.status === 'fulfilled')).toHaveLength(1)
})

test('50 first sign-ins of one subject make one person', async () => {
  const who = { iss: 'https://login.example', sub: 'same', name: 'Maya', email: null }
  const all = await Promise.all(many.map(() => signInPerson(server.world, who)))
  expect(new Set(all.map(person => person.id)).size).toBe(1)
})

test('a device code redeemed by 50 gives nothing that lasts', async () => {
  const asked = await askAndAllow()
  const good = await atOnce({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: asked.device_code,
  })
  expect(good.length).toBeLessThanOrEqual(1)
  expect(await countStanding(good)).toBe(0)
})

test('a refresh token used by 50 gives nothing that lasts', async () => {
  const tokens = await oidc.pollDeviceAuthorizationGrant(client, await askAndAllow())
  const refresh_token = tokens.refresh_token ?? ''
  const good = await atOnce({ grant_type: 'refresh_token', refresh_token })
  expect(good.length).toBeLessThanOrEqual(1)
  expect(await countStanding(good)).toBe(0)
})

test('one of two people answers a device, and it is theirs', async () => {
  for (let round = 0; round < 5; round++) {
    const asked = await oidc.initiateDeviceAuthorization(client, {})
    const uri = asked.verification_uri_complete ?? ''
    const people = await Promise.all(['maya', 'tom', 'ines'].map(sub => browserOf(server, sub)))
    const pages = await Promise.all(people.map(async browser => browser.get(uri)))
    const answers = await Promise.all(
      people.map(async (browser, i) => {
        const page = pages[i]
        if (page === undefined) throw new Error('each saw the page')
        return browser.submit(page, '/d', { says: 'yes' })
      }),
    )
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(1)
    expect(answers.filter(answer => answer.status === 404)).toHaveLength(2)
  }
})
