import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type AttestedWorld,
  attestedWorld,
  changeApp,
  githubRule,
  identityOf,
  someApp,
  trusting,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import type { AppRow } from '../app/rows.ts'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { addMs, addSeconds } from '../base/time.ts'
import { findRow } from '../ledger/fact-table.ts'
import { attest } from './attest.ts'
import { makeIdentities, revokeIdentity, sweepIdentities } from './identities.ts'
import { claimAssertion, forgetAssertions } from './once.ts'
import type { Replay } from './refusal.ts'
import { identityTable, listIdentities, trustRuleTable } from './rows.ts'
import { type IdentityRole, identityRoles } from './spiffe.ts'
import { removeTrustRule } from './trust.ts'

let world: AttestedWorld
let app: AppRow
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
})

const make = (of: AppRow, roles: readonly IdentityRole[] = identityRoles) =>
  makeIdentities(world, testPermit('app.make', world.first.id, of.id), { appId: of.id, roles })
const entries = () =>
  world.store.query<{ kind: string }>('select kind from ledger_inbox order by id')

test('an app gets one identity for each role, named by app and role', async () => {
  const made = await make(app)
  expect(made.map(identity => identity.spiffeId)).toEqual(
    identityRoles.map(role => `spiffe://example.com/app/${app.slug}/${role}`),
  )
  expect(await listIdentities(world.store, app.id)).toHaveLength(5)
  expect(world.replica.by(identityTable, 'appId', app.id)).toHaveLength(5)
})

test('making them again makes what lacks, and says nothing where nothing does', async () => {
  const first = await make(app, ['run'])
  const both = await make(app, ['run', 'build'])
  expect(both[0]).toEqual(first[0])
  const before = await entries()
  expect(await make(app, ['run'])).toEqual(first)
  expect(await entries()).toEqual(before)
  await Promise.all([make(app), make(app)])
  expect(await listIdentities(world.store, app.id)).toHaveLength(5)
})

test('an app that is not there, paused or over gets none', async () => {
  const nobody = { ...app, id: newId('app') }
  await expect(make(nobody)).rejects.toMatchObject({ code: 'not-found' })
  const paused = await changeApp(world, app, { state: 'paused', pausedBecause: 'owner' })
  await expect(make(paused)).rejects.toMatchObject({ code: 'wrong-state' })
})

test('a revoked identity is over with all its rules, once and for good', async () => {
  const [run] = await make(app, ['run'])
  if (run === undefined) throw new Error('no identity')
  const rule = await trusting(world, run.id)
  const permit = testPermit('identity.revoke', app.ownerId, run.id)
  const revoked = await revokeIdentity(world, permit, { identityId: run.id })
  expect(revoked).toMatchObject({ state: 'revoked', endedAt: world.clock.now() })
  expect(await findRow(world.store, trustRuleTable, rule.id)).toMatchObject({ state: 'revoked' })
  expect(world.replica.get(trustRuleTable, rule.id)).toBeUndefined()
  expect(world.replica.get(identityTable, run.id)?.state).toBe('revoked')
  const before = await entries()
  expect(await revokeIdentity(world, permit, { identityId: run.id })).toEqual(revoked)
  expect(await entries()).toEqual(before)
  await expect(make(app, ['run'])).rejects.toMatchObject({ code: 'already-exists' })
})

test('revoking one identity leaves its neighbour alone', async () => {
  const run = await identityOf(world, app, 'run')
  const build = await identityOf(world, app, 'build')
  const kept = await trusting(world, build.id)
  await revokeIdentity(world, testPermit('identity.revoke', app.ownerId, run.id), {
    identityId: run.id,
  })
  expect((await findRow(world.store, identityTable, build.id))?.state).toBe('active')
  expect((await findRow(world.store, trustRuleTable, kept.id))?.state).toBe('active')
})

test('a removed rule stays removed, and its neighbour stays', async () => {
  const run = await identityOf(world, app)
  const rule = await trusting(world, run.id)
  const kept = await trusting(world, run.id, { ...githubRule, environment: 'other' })
  const permit = testPermit('trust.remove', app.ownerId, rule.id)
  const removed = await removeTrustRule(world, permit, { ruleId: rule.id })
  expect(removed.state).toBe('revoked')
  expect(await removeTrustRule(world, permit, { ruleId: rule.id })).toEqual(removed)
  expect((await findRow(world.store, trustRuleTable, kept.id))?.state).toBe('active')
})

test('what is not there can not be revoked', async () => {
  const [identityId, ruleId] = [newId('identity'), newId('trustRule')]
  await expect(
    revokeIdentity(world, testPermit('identity.revoke', app.ownerId, identityId), { identityId }),
  ).rejects.toMatchObject({ code: 'not-found' })
  await expect(
    removeTrustRule(world, testPermit('trust.remove', app.ownerId, ruleId), { ruleId }),
  ).rejects.toMatchObject({ code: 'not-found' })
})

test('a permit for one thing ends no other', async () => {
  const run = await identityOf(world, app)
  const rule = await trusting(world, run.id)
  await expect(
    revokeIdentity(world, testPermit('identity.revoke', app.ownerId, rule.id), {
      identityId: run.id,
    }),
  ).rejects.toThrow(/permit/)
  await expect(
    removeTrustRule(world, testPermit('trust.remove', app.ownerId, run.id), { ruleId: rule.id }),
  ).rejects.toThrow(/permit/)
})

test('the sweep takes what ended apps have left, and nothing of apps that live', async () => {
  await make(app, ['run', 'build'])
  const other = await someApp(world, `${app.slug}-other`)
  await make(other, ['run'])
  expect(await sweepIdentities(world)).toBe(0)
  await changeApp(world, app, { state: 'graduated', endedAt: world.clock.now() })
  expect(await sweepIdentities(world)).toBe(2)
  expect(await sweepIdentities(world)).toBe(0)
  const states = await listIdentities(world.store, app.id)
  expect(states.map(identity => identity.state)).toEqual(['revoked', 'revoked'])
  expect((await listIdentities(world.store, other.id))[0]?.state).toBe('active')
})

test('a write that fails leaves nothing half done', async () => {
  const run = await identityOf(world, app)
  const rule = await trusting(world, run.id)
  await world.store.query('reset role')
  await world.store.query(`create function stop() returns trigger language plpgsql as
    $$ begin raise exception 'stop'; end $$`)
  await world.store.query(
    'create trigger stop before insert on ledger_inbox for each row execute function stop()',
  )
  const permit = testPermit('identity.revoke', app.ownerId, run.id)
  await expect(revokeIdentity(world, permit, { identityId: run.id })).rejects.toThrow('stop')
  await expect(make(app, ['build'])).rejects.toThrow('stop')
  await world.store.query('drop trigger stop on ledger_inbox')
  await world.store.query('set role leasehold_runtime')
  expect((await findRow(world.store, identityTable, run.id))?.state).toBe('active')
  expect((await findRow(world.store, trustRuleTable, rule.id))?.state).toBe('active')
  expect(world.replica.get(trustRuleTable, rule.id)).toBeDefined()
  expect(await listIdentities(world.store, app.id)).toHaveLength(1)
})

test('an assertion is used once; a person’s token is not used up', async () => {
  const now = world.clock.now()
  const used = {
    issuer: app.slug,
    hash: 'h',
    expiresAt: addSeconds(now, 300),
    replay: 'once' as Replay,
  }
  const claim = (assertion = used) =>
    world.store.transact(tx => claimAssertion(tx, assertion, world.clock.now()))
  expect(await claim()).toBeNull()
  expect((await claim())?.says).toBe(`it was used once already, at ${now}`)
  expect(await claim({ ...used, issuer: 'j' })).toBeNull()
  expect(await claim({ ...used, hash: 'g' })).toBeNull()
  expect(await claim({ ...used, replay: 'many' })).toBeNull()
})

test('a use that is rolled back was no use', async () => {
  const now = world.clock.now()
  const used = {
    issuer: app.slug,
    hash: 'h',
    expiresAt: addSeconds(now, 300),
    replay: 'once' as Replay,
  }
  const failed = world.store.transact(async tx => {
    await claimAssertion(tx, used, now)
    throw new Error('stop')
  })
  await expect(failed).rejects.toThrow('stop')
  expect(await world.store.transact(tx => claimAssertion(tx, used, now))).toBeNull()
})

test('a used assertion is remembered well after its end, so that no clock revives it', async () => {
  const now = world.clock.now()
  const expiresAt = addSeconds(now, 300)
  const used = { issuer: app.slug, hash: 'h', expiresAt, replay: 'once' as Replay }
  await world.store.transact(tx => claimAssertion(tx, used, now))
  expect(await forgetAssertions(world.store, addMs(expiresAt, limits.assertionKeptMs))).toBe(0)
  expect(await world.store.transact(tx => claimAssertion(tx, used, now))).not.toBeNull()
  await forgetAssertions(world.store, addMs(expiresAt, limits.assertionKeptMs + 1))
  expect(await world.store.transact(tx => claimAssertion(tx, used, now))).toBeNull()
})

test('attesting twice is not using twice: only the transaction that acts uses it up', async () => {
  const run = await identityOf(world, app)
  await trusting(world, run.id)
  const { ciToken, audience } = await import('../../../test/support/attested.ts')
  const token = await ciToken(world)
  const input = { token, audience, now: world.clock.now() }
  expect(await attest(world, input)).toEqual(await attest(world, input))
})
