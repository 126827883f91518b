// What graduating gives, against a real database: never more than there was, whole, once.
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay } from '../../../test/support/replay.ts'
import { failing, leaves, person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { beginEnd, pauseApp } from '../app/events.ts'
import { makeApp } from '../app/make.ts'
import { type AppRow, appTable, findApp } from '../app/rows.ts'
import { answerRequest, makeRequest } from '../approval/request.ts'
import { type AppId, newId, type PersonId, type RequestId, systemId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { type DataAction, dataActions } from '../base/permit.ts'
import { addSeconds } from '../base/time.ts'
import { makeIdentities } from '../identity/identities.ts'
import { identityTable, listIdentities } from '../identity/rows.ts'
import { listWhere } from '../ledger/fact-table.ts'
import { grantAgreed, makeSuccessor } from './agreed.ts'
import { dropGrant } from './drop.ts'
import { connectTarget, defineResource } from './offer.ts'
import { findGrant, type GrantRow, grantTable, type ResourceRow } from './rows.ts'
import { restGrant } from './unused.ts'

let world: TestWorld
let maya: PersonId
let tom: PersonId
let ada: PersonId
let resource: ResourceRow
beforeAll(async () => {
  world = await testWorld('team')
  maya = await person(world, 'Maya')
  tom = await person(world, 'Tom')
  ada = await person(world, 'Ada')
  resource = await offer()
})

async function offer(): Promise<ResourceRow> {
  const targetId = newId('target')
  const target = { id: targetId, slug: 'crm', connector: 'postgres', address: '127.0.0.1/crm' }
  const adminEndsAt = addSeconds(world.clock.now(), 90 * 86_400)
  const of = { config: {}, production: false, ownerId: tom, adminEndsAt }
  const sealing = { ...world, seal: () => 'sealed' }
  const permit = testPermit('target.connect', tom, targetId)
  await connectTarget(sealing, permit, { ...target, ...of })
  const id = newId('resource')
  const columns = ['id', 'amount'].map(
    name => ({ name, class: 'internal', hidden: false }) as const,
  )
  return defineResource(world, testPermit('resource.define', tom, id), {
    id,
    slug: 'crm.deals',
    targetId,
    object: {},
    columns,
    dataClass: 'internal',
    dataOwnerId: tom,
    sandboxTwinId: null,
    isSandbox: false,
  })
}

async function newPrototype(): Promise<AppRow> {
  const id = newId('app')
  const permit = testPermit('app.make', maya, id)
  const app = await makeApp(world, permit, {
    id,
    slug: `a${id.slice(3, 20)}`,
    ownerId: maya,
    backupId: tom,
    team: null,
    purpose: 'board of stuck deals',
    dataClasses: ['internal'],
    stage: 'prototype',
    endTrigger: 'date',
    endsAt: addSeconds(world.clock.now(), 7 * 86_400),
  })
  await makeIdentities(world, permit, { appId: id, roles: ['run', 'build'] })
  return app
}

async function agreeTo(kind: 'grant' | 'graduate', appId: AppId, body: object): Promise<RequestId> {
  const id = newId('request')
  const asked = { id, kind, appId, body: body as JsonObject, reason: 'it stays' }
  const { bodyHash } = await makeRequest(world, testPermit('request.make', maya, id), {
    ...asked,
    approvers: [tom],
    quorum: 1,
    ownAnswer: false,
  })
  const said = { requestId: id, says: 'yes', bodyHash } as const
  await answerRequest(world, testPermit('request.answer', tom, id), said)
  return id
}

async function grant(app: AppRow, actions: readonly DataAction[]): Promise<GrantRow> {
  const about = { appId: app.id, resourceId: resource.id, targetId: resource.targetId }
  const rights = { roles: ['run'], actions, columns: ['id', 'amount'], unattended: false }
  const requestId = await agreeTo('grant', app.id, { ...about, ...rights, endsAt: app.endsAt })
  return grantAgreed(world, testPermit('grant.make', systemId('approval'), requestId), {
    requestId,
  })
}

const askFor = (app: AppRow, grants: readonly { from: string; actions: readonly string[] }[]) =>
  agreeTo('graduate', app.id, {
    appId: app.id,
    onto: app.version,
    successor: {
      slug: `s${newId('app').slice(3, 20)}`,
      ownerId: ada,
      backupId: maya,
      team: 'ops',
      endsAt: addSeconds(world.clock.now(), 180 * 86_400),
      purpose: app.purpose,
      dataClasses: app.dataClasses,
      stage: 'managed',
      endTrigger: 'date',
    },
    grants,
  })
const make = (requestId: RequestId, at = world) =>
  makeSuccessor(at, testPermit('app.graduate', systemId('approval'), requestId), { requestId })

const some = fc.subarray([...dataActions], { minLength: 1 })
const becomes = fc.constantFrom('live' as const, 'resting' as const, 'dropped' as const)
const each = fc.record({ granted: some, agreed: fc.subarray([...dataActions]), becomes })

it('whatever was agreed: a successor may do what the prototype may now, and less', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(each, { maxLength: 4 }), async plan => {
      const app = await newPrototype()
      const had: GrantRow[] = []
      for (const { granted } of plan) had.push(await grant(app, granted))
      const grants = had.map(({ id }, i) => ({ from: id, actions: plan[i]?.agreed ?? [] }))
      // Of somebody else, and of nobody: agreed to or not, they are not the prototype's to pass on.
      const other = await grant(await newPrototype(), ['read'])
      grants.push(
        { from: other.id, actions: ['read'] },
        { from: newId('grant'), actions: ['read'] },
      )
      const requestId = await askFor(app, grants)
      for (const [i, { id: grantId }] of had.entries()) {
        const { clock } = world
        const unusedSince = clock.now()
        if (plan[i]?.becomes === 'dropped')
          await dropGrant(world, testPermit('grant.drop', maya, grantId), { grantId })
        if (plan[i]?.becomes === 'resting')
          await restGrant(world, testPermit('grant.narrow', maya, grantId), {
            grantId,
            unusedSince,
          })
      }
      const { id: appId } = await make(requestId)
      const got = await listWhere(world.store, grantTable, { appId }, 'order by id')
      const wanted = plan.flatMap(({ granted, agreed, becomes: is }) => {
        const both = granted.filter(action => agreed.includes(action))
        return is === 'dropped' || both.length === 0 ? [] : [both.toSorted().join()]
      })
      expect(got.map(({ actions }) => actions.toSorted().join()).toSorted()).toEqual(
        wanted.toSorted(),
      )
      for (const { columns, roles, unattended, holder, requestId: by } of got) {
        expect([columns, roles, unattended, by]).toEqual([
          ['id', 'amount'],
          ['run'],
          false,
          requestId,
        ])
        expect(had.map(before => before.holder)).not.toContain(holder)
      }
      // The prototype keeps what it had, until it ends.
      for (const [i, { id }] of had.entries())
        expect((await findGrant(world.store, id))?.state).toBe(plan[i]?.becomes)
    }),
    { numRuns: 12 },
  )
})

describe('the successor', () => {
  it('has identities of its own for the same roles, and nobody attests them yet', async () => {
    const app = await newPrototype()
    const { id } = await make(await askFor(app, []))
    const [before, after] = [
      await listIdentities(world.store, app.id),
      await listIdentities(world.store, id),
    ]
    expect(after.map(({ role }) => role).toSorted()).toEqual(['build', 'run'])
    for (const { spiffeId, id: own } of after) {
      expect(before.map(each => each.spiffeId)).not.toContain(spiffeId)
      expect(before.map(each => each.id)).not.toContain(own)
    }
    const [{ n } = { n: -1 }] = await world.store.query<{ n: number }>(
      'select count(*)::int as n from trust_rule where app_id = $1',
      [id],
    )
    expect(n).toBe(0)
  })

  it('is made whole or not at all, and once', async () => {
    const app = await newPrototype()
    const { id: from } = await grant(app, ['read'])
    const requestId = await askFor(app, [{ from, actions: ['read'] }])
    const id = `ap_${requestId.slice(3)}` as AppId
    await expect(make(requestId, failing(world, 'at the entry'))).rejects.toThrow('22012')
    expect(await findApp(world.store, id)).toBeUndefined()
    expect(await listIdentities(world.store, id)).toEqual([])
    await expect(make(requestId, failing(world, 'after the commit'))).rejects.toThrow('lost')
    const made = await findApp(world.store, id)
    expect(await make(requestId)).toEqual(made)
    expect(await listWhere(world.store, grantTable, { appId: id })).toHaveLength(1)
  })

  it('is not made of what was not agreed, nor twice of two requests', async () => {
    const app = await newPrototype()
    const open = newId('request')
    await makeRequest(world, testPermit('request.make', maya, open), {
      id: open,
      kind: 'graduate',
      appId: app.id,
      body: { appId: app.id },
      reason: 'it stays',
      approvers: [tom],
      quorum: 1,
      ownAnswer: false,
    })
    await expect(make(open)).rejects.toMatchObject({ code: 'approval-needed' })
    const [one, two] = [await askFor(app, []), await askFor(app, [])]
    await make(one)
    await expect(make(two)).rejects.toMatchObject({ code: 'hash-mismatch' })
  })

  it.each([
    [
      'paused',
      (app: AppRow) => pauseApp(world, testPermit('app.pause', maya, app.id), { appId: app.id }),
    ],
    [
      'ending',
      (app: AppRow) => beginEnd(world, testPermit('app.end', maya, app.id), { appId: app.id }),
    ],
  ])('is not made for an app that is %s by then', async (state, become) => {
    const app = await newPrototype()
    const requestId = await askFor(app, [])
    await become(app)
    await expect(make(requestId)).rejects.toMatchObject({ code: 'wrong-state' })
    expect((await findApp(world.store, app.id))?.state).toBe(state)
  })

  it('needs people who are here', async () => {
    const app = await newPrototype()
    const requestId = await askFor(app, [])
    await leaves(world, ada)
    await expect(make(requestId)).rejects.toMatchObject({ code: 'invalid-field' })
  })
})

it('played again from the log, equals the tables', () =>
  expectReplay(world.store, [appTable, identityTable, grantTable]))
