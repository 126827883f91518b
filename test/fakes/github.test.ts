/** The pretend GitHub is strict where GitHub is, or what is tested against it proves nothing. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { SignJWT } from 'jose'
import { beforeEach, expect, test } from 'vitest'
import { toSeconds } from '../../src/core/base/time.ts'
import { handClock } from '../support/clock.ts'
import { githubDescription } from '../support/contract.ts'
import { type FakeGithub, startFakeGithub } from './github.ts'

const clock = handClock()
let github: FakeGithub

beforeEach(async () => {
  github = await startFakeGithub(clock)
  return () => github.close()
})

interface Word {
  issuer?: string
  iat?: number
  exp?: number
  key?: KeyObject
}

async function ask(method: string, path: string, bearer: string, body?: object) {
  const headers = { authorization: `Bearer ${bearer}` }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  const answer = await fetch(`${github.url}${path}`, init)
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
}

async function wordOf({ issuer = '4242', iat = -10, exp = 500, key }: Word = {}) {
  const now = toSeconds(clock.now())
  const signer = key ?? createPrivateKey(github.config.privateKeyPem)
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(issuer)
    .setIssuedAt(now + iat)
    .setExpirationTime(now + exp)
    .sign(signer)
}

test('takes the word of its App, by either name', async () => {
  for (const issuer of ['4242', 'Iv23liTest'])
    expect((await ask('GET', '/app', await wordOf({ issuer }))).status).toBe(200)
})

test.each<[string, Word]>([
  ['of another App', { issuer: '4243' }],
  ['for longer than ten minutes', { exp: 601 }],
  ['that is over', { exp: -1 }],
  ['of the future', { iat: 30 }],
  ['by another key', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }],
])('takes no word %s', async (_, word) => {
  expect((await ask('GET', '/app', await wordOf(word))).status).toBe(401)
})

test('gives no token beyond the installation, and each takes what it was made for', async () => {
  const path = '/app/installations/7001/access_tokens'
  const make = async (body: object) => ask('POST', path, await wordOf(), body)
  expect((await make({ permissions: { administration: 'read' } })).status).toBe(422)
  expect((await make({ repository_ids: [9] })).status).toBe(422)
  const { body } = await make({ repository_ids: [1001], permissions: { contents: 'read' } })
  const status = async (asked: string) => (await ask('GET', asked, body.token)).status
  expect(await status('/repos/acme/deal-desk/branches')).toBe(200)
  expect(await status('/repos/acme/deal-desk/labels')).toBe(403)
  expect(await status('/repos/acme/billing')).toBe(404)
  expect(await status('/app')).toBe(401)
  expect((await ask('DELETE', '/installation/token', body.token)).status).toBe(204)
  expect(await status('/repos/acme/deal-desk')).toBe(401)
  expect((await ask('DELETE', '/installation/token', body.token)).status).toBe(401)
  expect(github.breaches).toEqual([])
})

test('keeps its own list: a lie is seen there', async () => {
  const path = '/app/installations/7001/access_tokens'
  const { body } = await ask('POST', path, await wordOf(), {})
  github.ending = 'lies'
  expect((await ask('DELETE', '/installation/token', body.token)).status).toBe(204)
  expect(github.living().map(({ value }) => value)).toEqual([body.token])
})

test.skipIf(!existsSync(githubDescription))(
  'says what of a request its vendor does not know',
  async () => {
    const path = '/app/installations/7001/access_tokens'
    await ask('POST', path, await wordOf(), { repositoryIds: [1001] })
    await ask('GET', '/app?verbose=1', await wordOf())
    expect(github.breaches).toEqual([
      'body.repositoryIds is described nowhere',
      'no parameter verbose of /app?verbose=1',
    ])
  },
)
