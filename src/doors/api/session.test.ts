/** A signed-in browser at the API: our own page is heard, and nobody else's, whatever they send along. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Company, startCompany } from '../../../test/journeys/company.ts'
import { openBrowser } from '../../../test/support/browser.ts'

let company: Company
let cookie: string
let csrf: string

const ours = { 'sec-fetch-site': 'same-origin' }

beforeAll(async () => {
  company = await startCompany()
  const browser = openBrowser()
  const { issuer } = company.running
  const page = await browser.get(await company.running.signInLink())
  await browser.submit(page, '/sign-in/link')
  cookie = `lh_session=${browser.cookie(new URL(issuer).host, 'lh_session')}`
  csrf = (await ask('GET', '/v1/me', ours)).body.csrf
}, 120_000)
afterAll(() => company?.stop())

async function ask(method: string, path: string, headers: Record<string, string>, given = cookie) {
  const { issuer } = company.running
  const isChange = method === 'POST'
  const response = await fetch(`${issuer}${path}`, {
    method,
    headers: {
      cookie: given,
      ...(isChange ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(isChange ? { body: JSON.stringify({ scope: 'everything', reason: 'a test' }) } : {}),
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : null }
}

const hold = (headers: Record<string, string>) => ask('POST', '/v1/holds', headers)
const held = async () => (await ask('GET', '/v1/holds', ours)).body.items.length as number

test('a page of ours learns who is signed in, and the word of the session', async () => {
  const me = await ask('GET', '/v1/me', ours)
  expect(me.status).toBe(200)
  expect(me.body.person.roles).toEqual(['platform'])
  expect(csrf).toMatch(/^[\w-]{43}$/)
})

test('a page of ours changes something with that word, as the person who signed in', async () => {
  const before = await held()
  const { issuer } = company.running
  const set = await hold({ ...ours, origin: issuer, 'x-leasehold-csrf': csrf })
  expect(set.status).toBe(201)
  expect(set.body.setBy).toBe('Sam')
  expect(await held()).toBe(before + 1)
  const lift = `/v1/holds/${set.body.id}/lift`
  await ask('POST', lift, { ...ours, origin: issuer, 'x-leasehold-csrf': csrf })
})

test('a change without the word, or with that of another session, is refused', async () => {
  const before = await held()
  const { issuer } = company.running
  for (const word of [{}, { 'x-leasehold-csrf': `${csrf.slice(1)}x` }]) {
    const refused = await hold({ ...ours, origin: issuer, ...word })
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ code: 'bad-request', field: 'csrf' })
  }
  expect(await held()).toBe(before)
})

test.each(['cross-site', 'same-site', 'none'])(
  'the cookie is nobody’s on a request a browser calls %s',
  async site => {
    const { issuer } = company.running
    const read = await ask('GET', '/v1/me', { 'sec-fetch-site': site })
    expect(read.status).toBe(401)
    expect(read.text).not.toContain(csrf)
    const sent = { origin: issuer, 'x-leasehold-csrf': csrf }
    expect((await hold({ 'sec-fetch-site': site, ...sent })).status).toBe(401)
  },
)

test('the cookie is nobody’s where no browser says which page asks', async () => {
  expect((await ask('GET', '/v1/me', {})).status).toBe(401)
})

test('a change that does not say its origin, or another port’s, is refused', async () => {
  const word = { ...ours, 'x-leasehold-csrf': csrf }
  expect((await hold(word)).status).toBe(401)
  expect((await hold({ ...word, origin: 'http://localhost:1' })).status).toBe(400)
  expect((await hold({ ...word, origin: company.running.address })).status).toBeGreaterThan(399)
  expect((await hold({ ...word, origin: 'null' })).status).toBe(400)
})

test('a token beside the cookie is refused: it would not be clear who acts', async () => {
  for (const authorization of ['Bearer a.b.c', 'DPoP a.b.c']) {
    const both = await ask('GET', '/v1/me', { ...ours, authorization })
    expect(both).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    expect(both.text).not.toContain(csrf)
    expect((await ask('GET', '/v1/me', { ...ours, authorization }, 'a=b')).status).toBe(401)
  }
})

test('the cookie opens no OAuth endpoint and no decision API', async () => {
  const { issuer } = company.running
  const sent = { ...ours, origin: issuer, 'x-leasehold-csrf': csrf }
  for (const path of [
    '/oauth/token',
    '/oauth/introspect',
    '/oauth/revoke',
    '/access/v1/evaluation',
  ])
    expect((await ask('POST', path, sent)).status).toBeGreaterThan(399)
})

test('what a workload must do, a signed-in person can not do by the cookie', async () => {
  const { issuer } = company.running
  const sent = { ...ours, origin: issuer, 'x-leasehold-csrf': csrf }
  const lease = await ask('POST', '/v1/leases', sent)
  expect(lease.status).toBeGreaterThan(399)
  expect(lease.body.code).toBe('not-attested')
})

test('two cookies of that name are nobody’s', async () => {
  expect((await ask('GET', '/v1/me', ours, `${cookie}; ${cookie}`)).status).toBe(401)
})

test('after signing out the cookie is nobody’s', async () => {
  const { issuer } = company.running
  const out = await fetch(`${issuer}/sign-out`, {
    method: 'POST',
    headers: { cookie, origin: issuer },
    body: new URLSearchParams({ csrf }),
    redirect: 'manual',
  })
  expect(out.status).toBe(303)
  expect((await ask('GET', '/v1/me', ours)).status).toBe(401)
})
