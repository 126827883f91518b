/**
 * Every route of the table against callers who should not, and bodies that should not be. A route that
 * is new has no line here and fails; what must be refused changes nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/core/base/limits.ts'
import { makeApi } from '../../src/doors/api/api.ts'
import { reference } from '../../src/doors/api/reference.ts'
import type { Route } from '../../src/doors/api/route.ts'
import {
  appBody,
  attest,
  type Company,
  claimsOf,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  type Name,
  startCompany,
} from '../journeys/company.ts'

let company: Company
/** Real things of Maya's app, so that what is refused is refused for the right reason. */
const real: Record<string, string> = {}
let taskToken: string

beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'theirs')
  await expectStatus(201, company.as('sue')('POST', '/v1/apps', { ...appBody, slug: 'other' }))
  taskToken = await attest(company, 'theirs')
  const workload = company.as({ task: taskToken })
  const lease = { resource: 'crm.deals', actions: ['read'] }
  const made = await expectStatus(201, workload('POST', '/v1/leases', lease))
  const maya = company.as('maya')
  const detail = (await maya('GET', '/v1/apps/theirs')).body
  const asked = { role: 'test', preset: 'github', issuer: company.github.issuer, reason: 'tests' }
  const open = await maya('POST', '/v1/apps/theirs/trust', { ...asked, claims: claimsOf('theirs') })
  const hold = { scope: 'app', about: 'other', reason: 'a test' }
  const decisions = (await maya('GET', '/v1/decisions?app=theirs')).body.items
  await company.running.world.runNow('discovery')
  const seen = await company.as('sam')('GET', '/v1/found')
  Object.assign(real, {
    found: seen.body.items[0].id,
    app: 'theirs',
    request: open.body.id,
    grant: detail.grants[0].id,
    rule: detail.trust[0].id,
    lease: made.body.lease.id,
    task: (await maya('GET', '/v1/tasks?app=theirs')).body.items[0].id,
    decision: decisions[0]?.id ?? 'D-XXXXX',
    thing: made.body.lease.id,
    text: 'theirs',
    hold: (await expectStatus(201, company.as('sue')('POST', '/v1/holds', hold))).body.id,
    finding: 'F-XXXXX',
    person: company.ids.tom,
    target: 'crm',
    resource: 'crm.deals',
    position: '3',
    code: 'denied',
  })
}, 120_000)
afterAll(() => company?.stop())

const bodies: Record<string, unknown> = {
  'POST /v1/keys/rotate': { use: 'certificate' },
  'POST /v1/apps': { ...appBody, slug: 'another' },
  'PUT /v1/people/:person/roles': { roles: ['auditor'] },
  'POST /v1/apps/:app/extend': { days: 2 },
  'POST /v1/apps/:app/share': { people: ['eve@acme.example'] },
  'POST /v1/apps/:app/share-with-all': { reason: 'because' },
  'POST /v1/apps/:app/transfer': { to: 'tom@acme.example' },
  'POST /v1/apps/:app/accept': {},
  'POST /v1/apps/:app/backup': { backup: 'sue@acme.example' },
  'POST /v1/apps/:app/pause': { reason: 'because' },
  'PUT /v1/apps/:app/manifest': { yaml: 'app: theirs\npurposes:\n  a:\n    says: b\n' },
  'PUT /v1/apps/:app/rules': { schema: 'entity user;', policies: '', entities: [] },
  'POST /v1/apps/:app/trust': {
    role: 'run',
    preset: 'person',
    claims: { as: ['owner'] },
    reason: 'x',
  },
  'POST /v1/apps/:app/end': { planHash: '0' },
  'POST /v1/apps/:app/evidence': { item: 'x', fileHash: '0'.repeat(64), says: 'x' },
  'POST /v1/requests': { app: 'theirs', resource: 'crm.deals', actions: ['read'], reason: 'x' },
  'POST /v1/requests/:request/answer': { says: 'yes', bodyHash: '0' },
  'POST /v1/passkeys': { response: {} },
  'POST /v1/targets': { slug: 'x', connector: 'postgres', config: {}, production: false },
  'POST /v1/targets/:target/tools': { tools: { x: '0'.repeat(64) } },
  'POST /v1/break-glass': {
    app: 'theirs',
    resource: 'crm.deals',
    actions: ['read'],
    reason: 'x',
  },
  'POST /v1/resources': {
    slug: 'x',
    target: 'crm',
    object: { database: 'crm', schema: 'crm', table: 'deals' },
    columns: [],
    dataClass: 'internal',
    dataOwner: 'tom@acme.example',
  },
  'POST /v1/leases': { resource: 'crm.deals', actions: ['read'] },
  'POST /v1/leases/:lease/uses': { rows: 1, action: 'read' },
  'POST /v1/policy/try': { text: '' },
  'POST /v1/policy/check': { text: '' },
  'POST /v1/policy/propose': { text: '' },
  'POST /v1/found/:found/adopt': { app: 'theirs' },
  'POST /v1/apps/:app/watch': { days: 2, reason: 'x' },
  'POST /v1/apps/:app/graduate': { to: 'tom@acme.example', team: 'ops', reason: 'x' },
  'POST /v1/holds': { scope: 'everything', reason: 'x' },
  'POST /v1/findings/:finding/answer': { answer: 'x' },
  'POST /v1/erase': { person: 'tom@acme.example' },
}

/**
 * What Eve gets, who has no role and nothing to do with the app: `403` where she may know the thing and
 * not do this, `404` where she may not know, `401` where a task token is needed, `own` where the answer holds her own things alone.
 */
const eve: Record<string, 'open' | 'own' | 401 | 403 | 404> = {
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /problems/:code': 'open',
  'GET /v1/installation': 'open',
  'GET /v1/keys': 'open',
  'POST /v1/keys/rotate': 403,
  'GET /v1/me': 'own',
  'GET /v1/doctor': 'own',
  'GET /v1/things/:text': 404,
  'GET /v1/people': 'own',
  'POST /v1/people/:person/leave': 403,
  'PUT /v1/people/:person/roles': 403,
  'POST /v1/people/:person/link': 403,
  'POST /v1/people/:person/passkeys/remove': 403,
  'GET /v1/passkeys': 'own',
  'POST /v1/passkeys/offer': 403,
  'POST /v1/passkeys': 403,
  'GET /v1/apps': 'own',
  'POST /v1/apps': 'own',
  'GET /v1/apps/:app': 404,
  'POST /v1/apps/:app/extend': 404,
  'POST /v1/apps/:app/share': 404,
  'POST /v1/apps/:app/share-with-all': 404,
  'POST /v1/apps/:app/transfer': 404,
  'POST /v1/apps/:app/accept': 404,
  'POST /v1/apps/:app/backup': 404,
  'POST /v1/apps/:app/pause': 404,
  'POST /v1/apps/:app/resume': 404,
  'PUT /v1/apps/:app/manifest': 404,
  'PUT /v1/apps/:app/rules': 404,
  'GET /v1/apps/:app/rules': 404,
  'POST /v1/apps/:app/trust': 404,
  'POST /v1/apps/:app/trust/:rule/remove': 404,
  'POST /v1/apps/:app/end': 404,
  'GET /v1/apps/:app/end': 404,
  'GET /v1/apps/:app/certificate': 404,
  'GET /v1/apps/:app/evidence': 404,
  'POST /v1/apps/:app/evidence': 404,
  'PUT /v1/apps/:app/evidence/:hash': 404,
  'GET /v1/apps/:app/evidence/:hash': 404,
  'POST /v1/apps/:app/evidence/:hash/erase': 404,
  'GET /v1/requests': 'own',
  'POST /v1/requests': 404,
  'GET /v1/requests/:request': 404,
  'POST /v1/requests/:request/answer': 404,
  'POST /v1/requests/:request/passkey': 404,
  'POST /v1/requests/:request/withdraw': 404,
  'GET /v1/grants': 'own',
  'POST /v1/grants/:grant/drop': 404,
  'POST /v1/grants/:grant/keep': 404,
  'GET /v1/targets': 'own',
  'POST /v1/targets': 403,
  'POST /v1/targets/:target/preflight': 403,
  'POST /v1/targets/:target/rotate': 403,
  'POST /v1/targets/:target/look': 403,
  'GET /v1/targets/:target/tools': 403,
  'POST /v1/targets/:target/tools': 403,
  'POST /v1/break-glass': 404,
  'GET /v1/resources': 'own',
  'POST /v1/resources': 403,
  'GET /v1/resources/:resource/who': 'own',
  'GET /v1/tasks': 'own',
  'GET /v1/tasks/:task': 404,
  'POST /v1/tasks/:task/close': 404,
  'GET /v1/leases': 'own',
  'POST /v1/leases': 401,
  'GET /v1/leases/:lease': 404,
  'POST /v1/leases/:lease/renew': 401,
  'POST /v1/leases/:lease/release': 404,
  'POST /v1/leases/:lease/uses': 401,
  'GET /v1/decisions': 404,
  'GET /v1/decisions/:decision': 404,
  'GET /v1/trace/:thing': 404,
  'GET /v1/log': 403,
  'GET /v1/log/counts': 403,
  'GET /v1/stream': 'own',
  'GET /v1/log/checkpoint': 'own',
  'GET /v1/log/proof': 'own',
  'GET /v1/log/consistency': 'own',
  'POST /v1/log/check': 403,
  'GET /v1/log/:position': 404,
  'GET /v1/policy': 'own',
  'POST /v1/policy/try': 403,
  'POST /v1/policy/check': 'own',
  'POST /v1/policy/propose': 403,
  'GET /v1/holds': 'own',
  'POST /v1/holds': 403,
  'POST /v1/holds/:hold/lift': 403,
  'GET /v1/residual': 'own',
  'POST /v1/apps/:app/enforce': 404,
  'POST /v1/apps/:app/watch': 404,
  'GET /v1/apps/:app/graduate': 404,
  'POST /v1/apps/:app/graduate': 404,
  'POST /v1/found/:found/adopt': 403,
  'GET /v1/found': 'own',
  'GET /v1/found/:found': 'own',
  'POST /v1/found/:found/claim': 'own',
  'GET /v1/findings': 'own',
  'POST /v1/findings/:finding/answer': 404,
  'POST /v1/erase': 403,
}
const queries: Record<string, string> = {
  'GET /v1/decisions': '?app=theirs',
  'GET /v1/log/proof': '?position=1',
  'GET /v1/log/consistency': '?from=1',
}

const placeOf = (route: Route) => `${route.method} ${route.path}`
const table = () => company.api.routes.table
const pathOf = (route: Route) =>
  route.path.replaceAll(/:(\w+)/g, (_, name: string) => real[name] ?? `no-${name}`) +
  (queries[placeOf(route)] ?? '')

describe('the table of routes', () => {
  test('a route has a line in the reference, here, and nowhere is one without a route', () => {
    const places = table().map(placeOf).sort()
    expect(places).toEqual(Object.keys(reference).sort())
    expect(places).toEqual(Object.keys(eve).sort())
    expect(new Set(places).size).toBe(places.length)
  })

  test('each route is in the OpenAPI document, and what is not there is not found', async () => {
    const { paths } = (await company.as(null)('GET', '/openapi.json')).body
    for (const { method, path } of table())
      expect(paths[path.replaceAll(/:(\w+)/g, '{$1}')]).toHaveProperty(method.toLowerCase())
    const lost = await company.as(null)('GET', '/v1/nothing')
    expect(lost).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })
})

describe('who is not let in', () => {
  test('nobody: 401 everywhere but where anyone may look, and nothing changes', async () => {
    const before = await company.size()
    for (const route of table()) {
      const answer = await company.as(null)(route.method, pathOf(route), bodies[placeOf(route)])
      const expected = route.who === 'anyone' ? 200 : 401
      expect([placeOf(route), answer.status]).toEqual([placeOf(route), expected])
      if (expected === 401) expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      if (route.who === 'anyone') expect(route.method).toBe('GET')
    }
    expect(await company.size()).toBe(before)
  })

  test('a bearer that is no token is refused, and never taken for nobody', async () => {
    for (const authorization of [
      'Bearer x',
      'Bearer ',
      'Basic eDp4',
      `Bearer ${'a'.repeat(20_000)}`,
    ])
      for (const path of ['/v1/me', '/v1/installation', '/healthz']) {
        const answer = await company.raw(path, { headers: { authorization } })
        expect([authorization.slice(0, 12), path, answer.status]).toEqual([
          authorization.slice(0, 12),
          path,
          401,
        ])
      }
  })

  test('the wrong kind of caller: a workload is no person, a person no workload', async () => {
    const before = await company.size()
    for (const route of table()) {
      if (route.who !== 'person' && route.who !== 'identity') continue
      const caller = company.as(route.who === 'person' ? { task: taskToken } : 'maya')
      const answer = await caller(route.method, pathOf(route), bodies[placeOf(route)])
      const code = route.who === 'person' ? 'human-required' : 'not-attested'
      expect([placeOf(route), answer.body.code]).toEqual([placeOf(route), code])
    }
    expect(await company.size()).toBe(before)
  })

  test('somebody with nothing to do with it: denied where they may know, not found where not', async () => {
    const before = await company.running.world.store.query(
      'select id, state, version from app order by id',
    )
    for (const route of table()) {
      const place = placeOf(route)
      const answer = await company.as('eve')(route.method, pathOf(route), bodies[place])
      const said = answer.status < 300 ? (eve[place] === 'open' ? 'open' : 'own') : answer.status
      expect([place, said]).toEqual([place, eve[place]])
      if (said !== 'own' || route.method !== 'GET') continue
      // What is hers holds nothing of Maya's app.
      if (['apps', 'requests', 'grants', 'tasks', 'leases'].includes(route.path.slice(4)))
        expect([place, answer.text.includes('theirs')]).toEqual([place, false])
    }
    const after = await company.running.world.store.query(
      `select id, state, version from app where slug <> 'another' order by id`,
    )
    expect(after).toEqual(before)
  })

  test('a workload sees its own app and no other, and leases of its own task alone', async () => {
    const workload = company.as({ task: taskToken })
    expect((await workload('GET', '/v1/apps/theirs')).status).toBe(200)
    expect((await workload('GET', '/v1/apps/other')).status).toBe(404)
    const other = company.as({ task: await attest(company, 'theirs') })
    const path = `/v1/leases/${real['lease']}`
    const use = { rows: 1, action: 'read' }
    expect((await other('POST', `${path}/uses`, use)).status).toBe(404)
    expect((await other('POST', `${path}/renew`)).status).toBe(404)
    expect((await workload('POST', `${path}/uses`, use)).status).toBe(201)
  })
})

const json = { 'content-type': 'application/json' }
/** Each as bytes with a content type, and what it must be called. */
function malformed(
  valid: unknown,
): [name: string, body: string | Uint8Array<ArrayBuffer>, type: string, code: string][] {
  const object = JSON.stringify(valid)
  const [member = 'x'] = Object.keys(valid as object)
  const twice = `{"${member}":1,"${member}":1}`
  const deep = `{"a":${'['.repeat(200)}${']'.repeat(200)}}`
  const type = json['content-type']
  return [
    ['a list', '[]', type, 'invalid-field'],
    [
      'an unknown member',
      `{"surprise":1${object === '{}' ? '}' : `,${object.slice(1)}`}`,
      type,
      'invalid-field',
    ],
    ['a member twice', twice, type, 'bad-json'],
    [
      '__proto__',
      `{"__proto__":{"roles":["platform"]}${object === '{}' ? '}' : `,${object.slice(1)}`}`,
      type,
      'bad-json',
    ],
    ['too deep', deep, type, 'bad-json'],
    ['not JSON', '{"a":', type, 'bad-json'],
    ['too large', JSON.stringify({ a: 'x'.repeat(limits.bodyBytes) }), type, 'too-large'],
    ['not UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), type, 'bad-json'],
    ['another content type', object, 'text/plain', 'unsupported-media-type'],
    ['a form', 'a=b', 'application/x-www-form-urlencoded', 'unsupported-media-type'],
  ]
}

describe('bodies that are not what they should be', () => {
  test('are refused on every route with a problem that names the field and the next step, and change nothing', async () => {
    const before = await company.size()
    for (const route of table()) {
      if (route.input === undefined || route.method === 'GET') continue
      for (const [name, body, type, code] of malformed(bodies[placeOf(route)] ?? {})) {
        const sent = { method: route.method, body, headers: { 'content-type': type } }
        const who: { who?: Name } = route.who === 'identity' ? {} : { who: 'maya' }
        const bearer = { authorization: `Bearer ${taskToken}` }
        const headers = route.who === 'identity' ? { ...sent.headers, ...bearer } : sent.headers
        const answer = await company.raw(pathOf(route), { ...sent, ...who, headers })
        const where = `${placeOf(route)}: ${name}`
        if (name === 'a member twice' && JSON.stringify(bodies[placeOf(route)] ?? {}) === '{}')
          continue
        expect([where, answer.body?.code]).toEqual([where, code])
        expect([where, answer.status >= 400 && answer.status < 500]).toEqual([where, true])
        expect(answer.headers.get('content-type')).toBe('application/problem+json')
        expect([where, typeof answer.body.next, answer.text]).toEqual([
          where,
          'string',
          answer.text,
        ])
        if (code === 'invalid-field') expect([where, answer.body.field]).toEqual([where, '/'])
      }
    }
    expect(await company.size()).toBe(before)
  }, 60_000)

  test('a member of the wrong type is named', async () => {
    for (const [place, body] of Object.entries(bodies)) {
      for (const member of Object.keys(body as object)) {
        const [method = '', path = ''] = place.split(' ')
        const route = table().find(each => each.method === method && each.path === path)
        if (route === undefined || route.who === 'identity') continue
        const wrong = { ...(body as object), [member]: { not: ['this'] } }
        const answer = await company.as('maya')(method, pathOf(route), wrong)
        if (['config', 'object', 'claims', 'response'].includes(member)) {
          expect([place, member, answer.status >= 400]).toEqual([place, member, true])
          continue
        }
        expect([place, member, answer.body.code]).toEqual([place, member, 'invalid-field'])
        expect(answer.body.field.startsWith(`/${member}`)).toBe(true)
      }
    }
  })

  test('an adopted app is of no build day, and no passkey answers at such a length', async () => {
    const place = bodies['POST /v1/found/:found/adopt'] as object
    const adopted = await company.as('maya')('POST', '/v1/found/th_1/adopt', {
      ...place,
      day: 'claude-day',
    })
    expect(adopted.body).toMatchObject({ code: 'invalid-field', next: expect.any(String) })
    const yes = { says: 'yes', bodyHash: 'a'.repeat(64) }
    const answer = (length: number) =>
      company.as('maya')('POST', '/v1/requests/rq_1/answer', {
        ...yes,
        passkey: { id: 'x'.repeat(length) },
      })
    expect((await answer(17_000)).body).toMatchObject({ code: 'invalid-field', field: '/passkey' })
    expect((await answer(16_000)).body).toMatchObject({ code: 'not-found' })
  })

  test('queries: twice, too long, not a number', async () => {
    const sam = company.as('sam')
    for (const query of ['limit=1&limit=2', 'limit=x', 'after=-1', `kind=${'k'.repeat(400)}`])
      expect((await sam('GET', `/v1/log?${query}`)).body).toMatchObject({
        status: 400,
        code: 'bad-request',
        next: expect.any(String),
        field: query.split('=')[0],
      })
    expect((await sam('GET', '/v1/apps?state=nonsense')).body.field).toBe('state')
    expect((await sam('GET', '/v1/log/proof')).body.field).toBe('position')
  })
})

describe('what goes wrong here', () => {
  test('is a 500 without a stack, a statement or a secret, and is logged under its request id', async () => {
    const lines: Readonly<Record<string, unknown>>[] = []
    const secret = 'select password from pg_authid'
    const broken = makeApi({
      ...company.running.world,
      log: line => lines.push(line),
      describeInstallation: () => Promise.reject(new Error(secret)),
      verifyTask: () => Promise.reject(new Error('not asked')),
    })
    const response = await broken.fetch(new Request('http://localhost/v1/installation'))
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(text).not.toMatch(/select|at \/|\.ts:|Error/)
    const { requestId, ...said } = JSON.parse(text)
    expect(said).toMatchInlineSnapshot(`
      {
        "code": "internal",
        "detail": "Something broke here; nothing was changed halfway.",
        "next": "Tell whoever runs this server the request id.",
        "status": 500,
        "title": "Something broke here",
        "type": "/problems/internal",
      }
    `)
    expect(lines).toContainEqual(expect.objectContaining({ requestId }))
  })

  test('every problem that was answered here is a row of the table with its page', async () => {
    for (const code of ['denied', 'not-found', 'invalid-field', 'internal']) {
      const page = await company.as(null)('GET', `/problems/${code}`)
      expect(page.status).toBe(200)
      expect(page.text).toContain(`<code>${code}</code>`)
    }
    expect((await company.as(null)('GET', '/problems/__proto__')).status).toBe(404)
  })
})
