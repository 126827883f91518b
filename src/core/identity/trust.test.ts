import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type AttestedWorld,
  attestedWorld,
  attestIn,
  ciToken,
  githubRule,
  identityOf,
  ourIssuer,
  someApp,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { leaves, person } from '../../../test/support/world.ts'
import { listTrustRules } from '../../life/lists/lists.ts'
import type { AppRow } from '../app/rows.ts'
import { answerRequest, makeRequest } from '../approval/request.ts'
import type { RequestRow } from '../approval/rows.ts'
import { newId, type PersonId, type RequestId, type TrustRuleId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { findRow } from '../ledger/fact-table.ts'
import { revokeIdentity } from './identities.ts'
import { isRefusal } from './refusal.ts'
import { type IdentityRow, trustRuleTable } from './rows.ts'
import { addTrustRule, proposeTrust, trustAgreed } from './trust.ts'

let world: AttestedWorld
let app: AppRow
let run: IdentityRow
let security: PersonId
let apps = 0
beforeAll(async () => {
  world = await attestedWorld()
})
afterAll(async () => {
  await world.github.stop()
  await world.store.close()
})
// Each test has an app of its own.
beforeEach(async () => {
  app = await someApp(world, `app-${++apps}`)
  run = await identityOf(world, app)
  security = await person(world, 'Sara')
})

const propose = (more: Partial<Parameters<typeof proposeTrust>[1]> = {}) =>
  proposeTrust(world, {
    identityId: run.id,
    preset: 'github',
    issuer: world.github.issuer,
    claims: githubRule,
    ...more,
  })

async function ask(body: JsonObject, kind: RequestRow['kind'] = 'trust'): Promise<RequestRow> {
  const id = newId('request')
  return makeRequest(world, testPermit('request.make', app.ownerId, id), {
    id,
    kind,
    appId: app.id,
    body,
    reason: 'its CI',
    approvers: [security],
    quorum: 1,
    ownAnswer: false,
  })
}

async function agree({ id, bodyHash }: RequestRow): Promise<void> {
  const permit = testPermit('request.answer', security, id)
  await answerRequest(world, permit, {
    requestId: id,
    says: 'yes',
    bodyHash,
  })
}

const apply = (requestId: RequestId, id: TrustRuleId = newId('trustRule')) =>
  trustAgreed(world, testPermit('trust.add', security, id), { id, requestId })

test('agreed trust lets the run in, and nothing before does', async () => {
  const request = await ask({ ...propose() })
  await expect(apply(request.id)).rejects.toMatchObject({ code: 'approval-needed' })
  const name = `${app.slug}/run`
  expect(isRefusal(await attestIn(world, await ciToken(world), name))).toBe(true)
  await agree(request)
  const rule = await apply(request.id)
  expect(rule).toMatchObject({ state: 'active', requestId: request.id, identityId: run.id })
  expect(await findRow(world.store, trustRuleTable, rule.id)).toEqual(rule)
  expect(isRefusal(await attestIn(world, await ciToken(world), name))).toBe(false)
})

test('one agreement makes one rule, however often it is applied', async () => {
  const request = await ask({ ...propose() })
  await agree(request)
  const rule = await apply(request.id)
  expect(await apply(request.id)).toEqual(rule)
  await Promise.all([apply(request.id), apply(request.id)])
  expect(await listTrustRules(world.store, app.id)).toHaveLength(1)
})

test('agreement to something else is no agreement to trust', async () => {
  const request = await ask({ ...propose() }, 'policy')
  await agree(request)
  await expect(apply(request.id)).rejects.toMatchObject({ code: 'not-found' })
  await expect(apply(newId('request'))).rejects.toMatchObject({ code: 'not-found' })
})

test('a body can not be changed under its agreement, not even by the owner of the database', async () => {
  const request = await ask({ ...propose() })
  await agree(request)
  const other = JSON.stringify({ ...propose({ claims: { ...githubRule, repository_id: '6' } }) })
  const edit = () =>
    world.store.query('update request set body = $2 where id = $1', [request.id, other])
  await expect(edit()).rejects.toThrow(/refused/)
  await world.store.query('reset role')
  await world.store.query('alter table request disable trigger user')
  await expect(edit()).rejects.toThrow(/refused/)
  await world.store.query('alter table request enable trigger user')
  await world.store.query('set role leasehold_runtime')
  expect((await apply(request.id)).claims).toMatchObject({ repository_id: '1001' })
})

test('what is no longer possible is not applied, though people agreed', async () => {
  const weak = await ask({ ...propose(), claims: { repository: 'acme/deal-desk' } })
  await agree(weak)
  await expect(apply(weak.id)).rejects.toMatchObject({ code: 'invalid-field' })
  const foreign = await ask({ ...propose(), issuer: 'https://other.example' })
  await agree(foreign)
  await expect(apply(foreign.id)).rejects.toMatchObject({ code: 'address-refused' })
  const late = await ask({ ...propose() })
  await agree(late)
  const permit = testPermit('identity.revoke', app.ownerId, run.id)
  await revokeIdentity(world, permit, { identityId: run.id })
  await expect(apply(late.id)).rejects.toMatchObject({ code: 'not-found' })
  expect(await listTrustRules(world.store, app.id)).toEqual([])
})

test.each([
  ['nobody registered', 'https://other.example'],
  ['with a slash more', 'ISSUER/'],
  ['with user info', 'https://token.actions.githubusercontent.com@evil.example'],
])('an issuer %s is refused', (_what, issuer) => {
  const given = issuer.replace('ISSUER', world.github.issuer)
  expect(() => propose({ issuer: given })).toThrow(
    expect.objectContaining({ code: 'address-refused', field: 'issuer' }),
  )
})

test('without an issuer it is GitHub’s own, which this installation does not trust', () => {
  expect(() => propose({ issuer: undefined })).toThrow(/not registered/)
})

test('people are attested by this installation alone', () => {
  const person = { preset: 'person', claims: { as: ['owner'] } } as const
  expect(propose({ ...person, issuer: undefined }).issuer).toBe(ourIssuer)
  expect(() => propose({ ...person })).toThrow(/this installation alone/)
})

test('a rule for an identity that is not there is not proposed', () => {
  expect(() => propose({ identityId: newId('identity') })).toThrow(
    expect.objectContaining({ code: 'not-found' }),
  )
})

test('owning the app is agreement enough for the owner’s own part, and for nothing else', async () => {
  const id = newId('trustRule')
  const permit = testPermit('trust.add', app.ownerId, id)
  const input = { id, identityId: run.id, as: ['owner'] } as const
  const rule = await addTrustRule(world, permit, input)
  expect(rule).toMatchObject({ preset: 'person', requestId: null, claims: { as: ['owner'] } })
  expect(await addTrustRule(world, permit, input)).toEqual(rule)
  expect(await listTrustRules(world.store, app.id)).toHaveLength(1)
})

test('a permit for one rule makes no other', async () => {
  const request = await ask({ ...propose() })
  await agree(request)
  const permit = testPermit('trust.add', security, newId('trustRule'))
  const id = newId('trustRule')
  await expect(trustAgreed(world, permit, { id, requestId: request.id })).rejects.toThrow(/permit/)
  await expect(
    addTrustRule(world, permit, { id, identityId: run.id, as: ['owner'] }),
  ).rejects.toThrow(/permit/)
})

test('an agreement by somebody who left meanwhile was still an agreement', async () => {
  const request = await ask({ ...propose() })
  await agree(request)
  await leaves(world, security)
  expect((await apply(request.id)).state).toBe('active')
})
