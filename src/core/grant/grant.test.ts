// From a connected target to a grant and back, against a real database.

import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { failing, leaves, person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { type AskInput, askFor } from '../../life/ask/grant.ts'
import { findManifest, listGrants, saysOf } from '../../life/lists/lists.ts'
import { parseLeaseholdYaml } from '../../life/manifest/leasehold-yaml.ts'
import { beginEnd, finishEnd } from '../app/events.ts'
import { makeApp } from '../app/make.ts'
import type { AppRow } from '../app/rows.ts'
import { answerRequest, makeRequest } from '../approval/request.ts'
import { type GrantId, newId, type PersonId, systemId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { addSeconds } from '../base/time.ts'
import { findRow } from '../ledger/fact-table.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { grantAgreed } from './agreed.ts'
import { dropGrant, sweepGrants } from './drop.ts'
import { setManifest } from './manifest.ts'
import { connectTarget, defineResource, type NewResource, type NewTarget } from './offer.ts'
import {
  findGrant,
  findSealedConfig,
  type GrantRow,
  grantTable,
  manifestTable,
  type ResourceRow,
  resourceTable,
  targetTable,
} from './rows.ts'
import { useIn } from './unused.ts'

let world: TestWorld & { seal: (plaintext: Uint8Array, aad: string) => string }
let maya: PersonId
let tom: PersonId
let app: AppRow
let resource: ResourceRow
beforeAll(async () => {
  const seal = (plaintext: Uint8Array, aad: string) =>
    `${aad} ${Buffer.from(plaintext.map(byte => byte ^ 0xff)).toString('base64')}`
  world = { ...(await testWorld('team')), seal }
  maya = await person(world, 'Maya')
  tom = await person(world, 'Tom')
})
beforeEach(async () => {
  app = await newApp(world)
  resource = await define()
})

async function newApp(at: TestWorld, owner = maya, backup = tom): Promise<AppRow> {
  const id = newId('app')
  return makeApp(at, testPermit('app.make', owner, id), {
    id,
    slug: `a${id.slice(3, 20)}`,
    ownerId: owner,
    backupId: backup,
    team: null,
    purpose: 'board of stuck deals',
    dataClasses: ['customer'],
    stage: 'prototype',
    endTrigger: 'date',
    endsAt: addSeconds(at.clock.now(), 7 * 86_400),
  })
}

const draftTarget = (over: Partial<NewTarget> = {}): NewTarget => {
  const id = newId('target')
  return {
    id,
    slug: `t${id.slice(3, 20)}`,
    connector: 'postgres',
    address: '127.0.0.1:5432/crm',
    config: { host: '127.0.0.1', password: `canary ${id}` },
    production: false,
    ownerId: tom,
    adminEndsAt: addSeconds(world.clock.now(), 90 * 86_400),
    ...over,
  }
}
const connect = (input: NewTarget, at = world) =>
  connectTarget(at, testPermit('target.connect', tom, input.id), input)

const define = async (over: Partial<NewResource> = {}, at = world) => {
  const id = over.id ?? newId('resource')
  const input: NewResource = {
    id,
    slug: `crm.d${id.slice(3, 20)}`,
    targetId: over.targetId ?? (await connect(draftTarget(), at)).id,
    object: { schema: 'public', table: 'deals' },
    columns: [
      { name: 'id', class: 'internal', hidden: false },
      { name: 'amount', class: 'customer', hidden: false },
      { name: 'email', class: 'secret', hidden: true },
    ],
    dataClass: 'customer',
    dataOwnerId: tom,
    sandboxTwinId: null,
    isSandbox: false,
    ...over,
  }
  return defineResource(at, testPermit('resource.define', tom, id), input)
}

const ask = (over: Partial<AskInput> = {}) =>
  askFor({
    app,
    resource,
    roles: ['run'],
    actions: ['read'],
    unattended: false,
    now: world.clock.now(),
    ...over,
  })

/** Asked by Maya, agreed by Tom; or by whoever is named. */
async function agree(
  body: JsonObject,
  options: { by?: PersonId; own?: boolean; at?: TestWorld; appId?: AppRow['id'] } = {},
) {
  const at = options.at ?? world
  const by = options.by ?? maya
  const id = newId('request')
  const request = await makeRequest(at, testPermit('request.make', by, id), {
    id,
    kind: 'grant',
    appId: options.appId ?? (body['appId'] as AppRow['id']),
    body,
    reason: 'QBR numbers',
    approvers: [options.own === true ? by : tom],
    quorum: 1,
    ownAnswer: options.own === true,
  })
  const answerer = options.own === true ? by : tom
  await answerRequest(at, testPermit('request.answer', answerer, id), {
    requestId: id,
    says: 'yes',
    bodyHash: request.bodyHash,
  })
  return request
}
const grantOf = (requestId: NonNullable<GrantRow['requestId']>, at: TestWorld = world) =>
  grantAgreed(at, testPermit('grant.make', systemId('approval'), requestId), { requestId })
const granted = async (over: Partial<AskInput> = {}) => grantOf((await agree(ask(over).body)).id)
const drop = (grantId: GrantId) =>
  dropGrant(world, testPermit('grant.drop', maya, grantId), { grantId })

describe('a target', () => {
  it('keeps its credential sealed, in no image, entry or memory', async () => {
    const input = draftTarget()
    await connect(input)
    const sealed = await findSealedConfig(world.store, input.id)
    expect(sealed).toContain(`target_config:${input.id}`)
    const everything = JSON.stringify([
      await readEntries(world.store),
      world.replica.all(targetTable),
      await findRow(world.store, targetTable, input.id),
      sealed,
    ])
    expect(everything).not.toContain(`canary ${input.id}`)
  })

  it('connected again has another credential and must pass its canary anew', async () => {
    const input = draftTarget()
    const first = await connect(input)
    await world.store.query(`update target set preflight_state = 'passed' where id = $1`, [
      input.id,
    ])
    const sealed = await findSealedConfig(world.store, input.id)
    const again = await connect({ ...input, config: { password: 'another' } })
    expect(again).toMatchObject({ id: first.id, version: 2, preflightState: 'never' })
    expect(await findSealedConfig(world.store, input.id)).not.toBe(sealed)
  })

  it('takes a name nobody has, an owner who is here, and a credential that ends', async () => {
    const input = draftTarget()
    await connect(input)
    const gone = await person(world)
    await leaves(world, gone)
    const refused: [Partial<NewTarget>, object][] = [
      [{ slug: input.slug }, { code: 'already-exists', field: 'slug' }],
      [{ slug: 'CRM' }, { field: 'slug' }],
      [{ ownerId: gone }, { field: 'ownerId' }],
      [{ adminEndsAt: world.clock.now() }, { field: 'adminEndsAt' }],
      [{ adminEndsAt: addSeconds(world.clock.now(), 400 * 86_400) }, { field: 'adminEndsAt' }],
      [{ id: input.id, connector: 'github' }, { code: 'already-exists' }],
    ]
    for (const [over, problem] of refused)
      await expect(connect(draftTarget(over))).rejects.toMatchObject(problem)
  })

  it('whose entry can not be written left no credential behind', async () => {
    const input = draftTarget()
    const broken = { ...failing(world, 'at the entry'), seal: world.seal }
    await expect(connect(input, broken)).rejects.toMatchObject({ sqlstate: '22012' })
    expect(await findSealedConfig(world.store, input.id)).toBeUndefined()
  })
})

describe('a resource', () => {
  it('offers no column of a stronger class than its own', async () => {
    const secret = { name: 'ssn', class: 'secret', hidden: false } as const
    await expect(define({ columns: [secret] })).rejects.toMatchObject({ field: 'columns' })
    await expect(define({ columns: [secret], dataClass: 'secret' })).resolves.toBeTruthy()
    const hr = { name: 'salary', class: 'hr', hidden: false } as const
    await expect(define({ columns: [hr], dataClass: 'internal' })).rejects.toMatchObject({
      field: 'columns',
    })
  })

  it('is refused with a column twice, all of them hidden, no target, or a twin that is none', async () => {
    const column = { name: 'id', class: 'public', hidden: false } as const
    const refused: [Partial<NewResource>, string][] = [
      [{ columns: [column, column] }, 'columns'],
      [{ columns: [{ ...column, hidden: true }] }, 'columns'],
      [{ targetId: newId('target') }, 'targetId'],
      [{ sandboxTwinId: resource.id }, 'sandboxTwinId'],
      [{ sandboxTwinId: newId('resource') }, 'sandboxTwinId'],
      [{ slug: 'crm..deals' }, 'slug'],
      [{ slug: 'Crm.deals' }, 'slug'],
      [{ dataOwnerId: newId('person') }, 'dataOwnerId'],
    ]
    for (const [over, field] of refused)
      await expect(define(over)).rejects.toMatchObject({ code: 'invalid-field', field })
    const twin = await define({ isSandbox: true })
    expect((await define({ sandboxTwinId: twin.id })).sandboxTwinId).toBe(twin.id)
    await expect(define({ slug: twin.slug })).rejects.toMatchObject({ code: 'already-exists' })
  })

  it('defined anew keeps its name and place', async () => {
    const { id, slug, targetId } = resource
    const anew = await define({ id, slug, targetId, dataClass: 'secret' })
    expect(anew).toMatchObject({ id, version: 2, dataClass: 'secret' })
    await expect(define({ id, targetId, slug: 'crm.other' })).rejects.toMatchObject({
      code: 'already-exists',
    })
  })
})

describe('asking', () => {
  it('asks the data owner for exactly what is offered, until the app ends at most', () => {
    const asked = ask({ actions: ['write', 'read', 'read'] })
    expect(asked.approvers).toEqual([tom])
    expect(asked.body).toEqual({
      appId: app.id,
      resourceId: resource.id,
      targetId: resource.targetId,
      roles: ['run'],
      actions: ['read', 'write'],
      columns: ['id', 'amount'],
      unattended: false,
      endsAt: app.endsAt,
    })
    expect(ask({ columns: ['amount'] }).body.columns).toEqual(['amount'])
  })

  it('never asks for a hidden column, for none of them, for longer than the app, or for nothing', () => {
    const { endsAt } = app
    const refused: [Partial<AskInput>, string][] = [
      [{ columns: ['email'] }, 'columns'],
      [{ columns: ['nothing'] }, 'columns'],
      [{ columns: [] }, 'columns'],
      [{ endsAt: addSeconds(endsAt, 1) }, 'endsAt'],
      [{ endsAt: world.clock.now() }, 'endsAt'],
      [{ roles: [] }, 'roles'],
      [{ actions: [] }, 'actions'],
    ]
    for (const [over, field] of refused)
      expect(() => ask(over)).toThrow(expect.objectContaining({ code: 'invalid-field', field }))
    const all = { ...resource, columns: resource.columns.map(each => ({ ...each, hidden: true })) }
    expect(() => ask({ resource: all })).toThrow(expect.objectContaining({ field: 'columns' }))
    expect(ask({ resource: { ...resource, columns: [] } }).body.columns).toEqual([])
  })

  it('is not possible for an app that is paused or over, nor for what is retired', () => {
    for (const state of ['paused', 'ending', 'ended', 'graduated'] as const)
      expect(() => ask({ app: { ...app, state } })).toThrow(
        expect.objectContaining({ code: 'wrong-state' }),
      )
    expect(() => ask({ now: app.endsAt })).toThrow(expect.objectContaining({ code: 'wrong-state' }))
    const retired = { ...resource, state: 'retired' } as const
    expect(() => ask({ resource: retired })).toThrow(
      expect.objectContaining({ code: 'wrong-state' }),
    )
  })

  it('lets the asker agree in a solo installation to mild data alone', () => {
    const mild = (over: Partial<ResourceRow>) =>
      ask({ resource: { ...resource, ...over } }).ownAnswer
    expect(mild({ dataClass: 'internal' })).toBe(true)
    expect(mild({ dataClass: 'public' })).toBe(true)
    expect(mild({ isSandbox: true })).toBe(true)
    for (const dataClass of ['customer', 'hr', 'secret'] as const)
      expect(mild({ dataClass })).toBe(false)
  })
})

describe('a grant', () => {
  it('is exactly what was agreed, once: not again, not after it was dropped', async () => {
    const request = await agree(ask().body)
    const grant = await grantOf(request.id)
    expect(grant).toMatchObject({
      state: 'live',
      requestId: request.id,
      roles: ['run'],
      actions: ['read'],
      columns: ['id', 'amount'],
      endsAt: app.endsAt,
    })
    expect(grant.holder).toMatch(/^lhg_[0-9a-z]{6}_[0-9a-z]{26}$/)
    expect((await grantOf(request.id)).version).toBe(1)
    await drop(grant.id)
    expect(await grantOf(request.id)).toMatchObject({ id: grant.id, state: 'dropped' })
    expect(await listGrants(world.store, { appId: app.id })).toHaveLength(1)
  })

  it('is not made from a request that is open, denied, of another kind, or of another app', async () => {
    const id = newId('request')
    const body = ask().body
    const base = { id, kind: 'grant', appId: app.id, body, reason: 'x', quorum: 1 } as const
    const open = { ...base, approvers: [tom], ownAnswer: false }
    await makeRequest(world, testPermit('request.make', maya, id), open)
    await expect(grantOf(id)).rejects.toMatchObject({ code: 'approval-needed' })
    await expect(grantOf(newId('request'))).rejects.toMatchObject({ code: 'not-found' })
    const other = await newApp(world)
    const foreign = await agree({ ...ask().body, appId: other.id }, { appId: app.id })
    await expect(grantOf(foreign.id)).rejects.toMatchObject({ code: 'not-found' })
    const odd = await agree({ ...ask().body, columns: 'all' })
    await expect(grantOf(odd.id)).rejects.toMatchObject({ code: 'hash-mismatch' })
  })

  it('is not wider than what is offered by now, and none when nothing of it is left', async () => {
    const [some, none] = [await agree(ask().body), await agree(ask({ columns: ['id'] }).body)]
    const { id, slug, targetId, columns } = resource
    const hide = columns.map(each => ({ ...each, hidden: each.name !== 'amount' }))
    await define({ id, slug, targetId, columns: hide })
    expect((await grantOf(some.id)).columns).toEqual(['amount'])
    await expect(grantOf(none.id)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('is not made for an app that ended meanwhile', async () => {
    const request = await agree(ask().body)
    await beginEnd(world, testPermit('app.end', maya, app.id), { appId: app.id })
    await expect(grantOf(request.id)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('whose entry can not be written is not made; whose answer was lost is made once', async () => {
    const request = await agree(ask().body)
    const failed = grantOf(request.id, failing(world, 'at the entry'))
    await expect(failed).rejects.toMatchObject({ sqlstate: '22012' })
    expect(await listGrants(world.store, { appId: app.id })).toEqual([])
    await expect(grantOf(request.id, failing(world, 'after the commit'))).rejects.toThrow('lost')
    expect(await grantOf(request.id)).toMatchObject({ version: 1, state: 'live' })
  })

  it('of one person’s own agreement is made for mild data, not for data classed anew since', async () => {
    const solo = { ...(await testWorld('solo')), seal: world.seal }
    const only = solo.first.id
    const own = await newApp(solo, only, only)
    const target = await connect(draftTarget({ ownerId: only }), solo)
    const at = {
      targetId: target.id,
      dataOwnerId: only,
      dataClass: 'internal',
      columns: [],
    } as const
    const [mild, raised] = [await define(at, solo), await define(at, solo)]
    const request = async (of: ResourceRow) =>
      agree(ask({ app: own, resource: of }).body, { by: only, own: true, at: solo })
    const [first, second] = [await request(mild), await request(raised)]
    expect((await grantOf(first.id, solo)).state).toBe('live')
    const { id, slug } = raised
    await define({ ...at, id, slug, dataClass: 'customer' }, solo)
    await expect(grantOf(second.id, solo)).rejects.toMatchObject({ code: 'approval-needed' })
  })

  it('dropped stays dropped, and dropping it again records nothing', async () => {
    const grant = await granted()
    expect(await drop(grant.id)).toMatchObject({ state: 'dropped', endedAt: world.clock.now() })
    const entries = (await readEntries(world.store)).length
    expect(await drop(grant.id)).toMatchObject({ version: 2 })
    expect((await readEntries(world.store)).length).toBe(entries)
    expect(world.replica.get(grantTable, grant.id)).toBeUndefined()
    await expect(drop(newId('grant'))).rejects.toMatchObject({ code: 'not-found' })
  })

  it('used is noted, at most once an hour', async () => {
    const grant = await granted()
    const kind = entryKind('test.use', 'used it')
    const use = () =>
      recorded(world, async scope => {
        await useIn(scope, grant.id)
        scope.entry({ kind, by: systemId('schedule') })
      })
    await use()
    world.clock.advance(60_000)
    await use()
    expect(await findGrant(world.store, grant.id)).toMatchObject({ version: 2 })
    world.clock.advance(3_600_000)
    await use()
    expect(await findGrant(world.store, grant.id)).toMatchObject({ usedAt: world.clock.now() })
  })
})

describe('the sweep', () => {
  it('ends grants of an app that ends, and those whose time is over', async () => {
    const [grant, short] = [
      await granted(),
      await granted({ endsAt: addSeconds(world.clock.now(), 60) }),
    ]
    world.clock.advance(59_000)
    await sweepGrants(world)
    expect((await findGrant(world.store, short.id))?.state).toBe('live')
    world.clock.advance(1_000)
    await sweepGrants(world)
    expect((await findGrant(world.store, short.id))?.state).toBe('ended')
    await beginEnd(world, testPermit('app.end', maya, app.id), { appId: app.id })
    await sweepGrants(world)
    expect((await findGrant(world.store, grant.id))?.state).toBe('ended')
  })

  it('narrows grants to what is offered now, and ends those of which nothing is left', async () => {
    const [some, none] = [await granted(), await granted({ columns: ['id'] })]
    const { id, slug, targetId, columns } = resource
    const hide = columns.map(each => ({ ...each, hidden: each.name !== 'amount' }))
    await define({ id, slug, targetId, columns: hide })
    await sweepGrants(world)
    expect(await findGrant(world.store, some.id)).toMatchObject({
      state: 'live',
      columns: ['amount'],
    })
    expect((await findGrant(world.store, none.id))?.state).toBe('ended')
    expect(await sweepGrants(world)).toBe(0)
  })
})

describe('a manifest', () => {
  const yaml = (needs = 'crm.deals') =>
    `app: ${app.slug}\npurposes:\n  board:\n    says: Zoe reads deals\n    needs: [{resource: ${needs}, actions: [read]}]\n`
  const set = (text: string) => {
    const id = newId('manifest')
    const permit = testPermit('manifest.set', maya, id)
    return setManifest(world, permit, { id, appId: app.id, text: parseLeaseholdYaml(text) })
  }

  it('takes the place of the one before; the same content again changes nothing', async () => {
    const first = await set(yaml())
    expect((await set(`# again\n${yaml()}`)).id).toBe(first.id)
    const second = await set(yaml('crm.contacts'))
    expect((await findManifest(world.store, app.id))?.id).toBe(second.id)
    expect(world.replica.by(manifestTable, 'appId', app.id).map(one => one.id)).toEqual([second.id])
  })

  it('is of this app, while it is alive', async () => {
    await expect(set(yaml().replace(app.slug, 'other'))).rejects.toMatchObject({ field: '/app' })
    await beginEnd(world, testPermit('app.end', maya, app.id), { appId: app.id })
    await expect(set(yaml())).rejects.toMatchObject({ code: 'wrong-state' })
    const permit = testPermit('offboard.run', systemId('offboard'), app.id)
    await finishEnd(world, permit, { appId: app.id, outcome: 'gone' })
    await expect(set(yaml())).rejects.toMatchObject({ code: 'wrong-state' })
  })

  it('keeps what people wrote out of facts', async () => {
    const manifest = await set(yaml())
    expect(saysOf(manifest)).toEqual({ board: 'Zoe reads deals' })
    const entry = (await readEntries(world.store)).at(-1)
    expect(JSON.stringify(entry?.facts)).not.toContain('Zoe')
    expect(JSON.stringify(entry?.facts)).toContain('crm.deals')
  })
})

it('a permit for another thing changes nothing here', async () => {
  const grant = await granted()
  const { id: grantId } = grant
  const request = await agree(ask().body)
  const entries = (await readEntries(world.store)).length
  const other = newId('grant')
  const target = draftTarget()
  for (const attempt of [
    () => dropGrant(world, testPermit('grant.drop', maya, other), { grantId }),
    () => grantAgreed(world, testPermit('grant.make', maya, other), { requestId: request.id }),
    () => connectTarget(world, testPermit('target.connect', maya, other), target),
    () => defineResource(world, testPermit('resource.define', maya, other), resource),
    () =>
      setManifest(world, testPermit('manifest.set', maya, other), {
        id: newId('manifest'),
        appId: app.id,
        text: { app: '', purposes: [], says: {}, digest: '' },
      }),
  ])
    await expect(attempt()).rejects.toThrow('permit for')
  expect((await readEntries(world.store)).length).toBe(entries)
})

describe('the database, without the code', () => {
  it('refuses a grant that outlives its app, a second one of a request, and no action', async () => {
    const grant = await granted()
    const change = (set: string) =>
      world.store.query(`update app_grant set ${set} where id = $1`, [grant.id])
    await expect(change(`ends_at = ends_at + interval '1 second'`)).rejects.toMatchObject({
      constraint: 'ends_within_app',
    })
    await expect(change(`actions = '{}'`)).rejects.toThrow('check constraint')
    const other = await granted()
    await expect(change(`request_id = '${other.requestId}'`)).rejects.toMatchObject({
      constraint: 'app_grant_request',
    })
    await expect(change(`holder = '${other.holder}'`)).rejects.toThrow('unique')
  })
})

it('played again from the log, equals the tables', () =>
  expectReplay(world.store, [targetTable, resourceTable, grantTable, manifestTable]))
