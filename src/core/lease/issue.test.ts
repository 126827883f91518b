import { beforeEach, describe, expect, it } from 'vitest'
import {
  issueInput,
  issueOne,
  issuePermitFor,
  type LeaseTestWorld,
  leaseWorld,
} from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay } from '../../../test/support/replay.ts'
import { watchLeases } from '../../life/drift/watch.ts'
import { listLeases, oldestDue } from '../../life/lists/lists.ts'
import { type LeaseId, newId, systemId, type TargetId } from '../base/ids.ts'
import { addSeconds } from '../base/time.ts'
import { findGrant, grantTable, targetTable } from '../grant/rows.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { findTask } from '../task/rows.ts'
import { issueLease } from './issue.ts'
import { findLease, leaseTable, readSalts } from './rows.ts'
import { driveLeasesOf, sweepLeases } from './sweep.ts'
import type { Targets } from './targets.ts'
import { endLease, renewLease } from './term.ts'

const testMade = entryKind('test.moved', 'moved a lease for a test')

let world: LeaseTestWorld
beforeEach(async () => {
  world = await leaseWorld()
})

async function close(what: 'task' | 'app' | 'identity' | 'grant' | 'hold'): Promise<void> {
  const { store, task, app, identity, grant, clock } = world
  const now = clock.now()
  if (what === 'task')
    await store.query(
      `update task set state = 'closed', closed_at = $2, closed_because = 'done' where id = $1`,
      [task.id, now],
    )
  if (what === 'app')
    await store.query(`update app set state = 'paused', paused_because = 'owner' where id = $1`, [
      app.id,
    ])
  if (what === 'identity')
    await store.query(`update identity set state = 'revoked' where id = $1`, [identity.id])
  if (what === 'grant')
    await store.query(`update app_grant set state = 'dropped' where id = $1`, [grant.id])
  if (what === 'hold')
    await store.query(
      `insert into hold (id, version, scope, about, reason, set_by, state, made_at)
       values ('ho_1', 1, 'app', $1, 'stop', $2, 'set', $3)`,
      [app.id, world.first.id, now],
    )
}

async function moveToAnotherTarget(leaseId: LeaseId): Promise<TargetId> {
  const { store, grant } = world
  const row = world.replica.get(targetTable, grant.targetId)
  if (row === undefined) throw new Error('there is one')
  const id = newId('target')
  await recorded(world, async scope => {
    await scope.insert(targetTable, { ...row, id, version: 1, slug: 'other' })
    scope.entry({ kind: testMade, by: systemId('genesis') })
  })
  await store.query('update lease set target_id = $1 where id = $2', [id, leaseId])
  await store.query('update lease_due set target_id = $1 where lease_id = $2', [id, leaseId])
  const lease = await findLease(store, leaseId)
  if (lease !== undefined) world.replica.apply([{ table: leaseTable.name, row: lease }])
  return id
}

describe('issuing', () => {
  it('writes the intent before anything is made, and the confirmation after', async () => {
    const lease = await issueOne(world)
    expect(lease).toMatchObject({ state: 'live', acceptedPath: 'memory', term: 1 })
    expect(world.target.calls.filter(call => call.includes(lease.principal))).toEqual([
      `issue ${lease.principal}`,
    ])
    const kinds = await world.store.query<{ kind: string }>(
      'select kind from ledger_inbox order by id',
    )
    expect(kinds.map(row => row.kind).slice(-3)).toEqual([
      'target.preflight',
      'lease.intend',
      'lease.issue',
    ])
    await expectReplay(world.store, [leaseTable, grantTable])
  })

  it('notes on its task which class of data it may see, and on its grant that it is used', async () => {
    await issueOne(world)
    await issueOne(world)
    expect(await findTask(world.store, world.task.id)).toMatchObject({
      touched: ['internal'],
      version: 2,
    })
    expect(await findGrant(world.store, world.grant.id)).toMatchObject({
      usedAt: world.clock.now(),
      version: 2,
    })
  })

  it('hands over a secret that is nowhere in the database', async () => {
    const input = issueInput(world, { via: 'env' })
    const issued = await issueLease(world, issuePermitFor(world, input.id), input)
    const { connect, secret } = issued
    expect(world.target.principals.get(String(connect.user))?.secret).toBe(secret)
    const tables = await world.store.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    )
    for (const { name } of tables) {
      const rows = await world.store.query<{ text: string }>(
        `select t::text as text from "${name}" t`,
      )
      const leaking = rows.some(row => row.text.includes(secret)) ? name : null
      expect(leaking).toBe(null)
    }
  })

  it('hands over a word that is not the credential, unless the credential itself was decided', async () => {
    const input = issueInput(world)
    const ask = (more: object) =>
      issueLease(world, issuePermitFor(world, input.id), { ...input, ...more })
    const { secret: word } = await ask({ idempotencyKey: 'a' })
    const again = await ask({ idempotencyKey: 'a', via: 'proxy' })
    const held = world.target.principals.values().next().value?.secret
    expect([again.secret, word.length]).toEqual([word, 43])
    expect(word).not.toBe(held)
    expect((await ask({ idempotencyKey: 'a', via: 'env' })).secret).toBe(held)
  })

  it('refuses a permit that is about another lease', async () => {
    const input = issueInput(world)
    await expect(issueLease(world, issuePermitFor(world, newId('lease')), input)).rejects.toThrow(
      'permit for',
    )
  })

  for (const parent of ['task', 'app', 'identity', 'grant'] as const)
    it(`refuses when the ${parent} ended after the decision, and makes nothing`, async () => {
      await close(parent)
      await expect(issueOne(world)).rejects.toMatchObject({ code: 'wrong-state' })
      expect([...world.target.principals.keys()]).toEqual([])
      expect(await listLeases(world.store, {})).toEqual([])
    })

  it('the same key is the same lease and one principal; another request with it is a conflict', async () => {
    const first = await issueOne(world, { idempotencyKey: 'retry-1' })
    const again = await issueOne(world, { idempotencyKey: 'retry-1' })
    expect(again.id).toBe(first.id)
    expect(world.target.principals.size).toBe(1)
    await expect(
      issueOne(world, { idempotencyKey: 'retry-1', actions: ['write'] }),
    ).rejects.toMatchObject({ code: 'conflict' })
  })

  it('a retry after the end does not make the credential again', async () => {
    const lease = await issueOne(world, { idempotencyKey: 'retry-1' })
    await driveLeasesOf(world, { taskId: world.task.id })
    await expect(issueOne(world, { idempotencyKey: 'retry-1' })).rejects.toMatchObject({
      code: 'wrong-state',
    })
    expect(world.target.principals.has(lease.principal)).toBe(false)
  })

  it('what was made though the answer was lost is found after its deadline and removed', async () => {
    await issueOne(world)
    world.target.mode = 'fails-after-success'
    await expect(issueOne(world)).rejects.toMatchObject({ code: 'target-unavailable' })
    expect(world.target.principals.size).toBe(2)
    world.target.mode = 'honest'
    await sweepLeases(world)
    expect(world.target.principals.size).toBe(2)
    world.clock.advance(13_000)
    await sweepLeases(world)
    expect(world.target.principals.size).toBe(1)
    const leases = await listLeases(world.store, {})
    expect(leases).toHaveLength(2)
    expect(new Set(leases.map(lease => lease.outcome))).toEqual(new Set(['never-made', null]))
  })

  it('an intent whose process died is driven to gone after its deadline, not before', async () => {
    await issueOne(world)
    const input = issueInput(world)
    // The process dies between the intent and its effect: nothing after it is committed.
    const issue = issueLease(
      {
        ...world,
        leaseSecret: () => {
          throw new Error('killed')
        },
      },
      issuePermitFor(world, input.id),
      input,
    )
    await expect(issue).rejects.toThrow('killed')
    await sweepLeases(world)
    expect(await findLease(world.store, input.id)).toMatchObject({ state: 'intended' })
    world.clock.advance(13_000)
    await sweepLeases(world)
    expect(await findLease(world.store, input.id)).toMatchObject({
      state: 'gone',
      outcome: 'never-made',
    })
  })

  it('a secret its target made is handed over, kept sealed, tried at the end and then shredded', async () => {
    world.target.mints = true
    const input = { ...issueInput(world), via: 'env' as const, idempotencyKey: 'retry-2' }
    const issue = () => issueLease(world, issuePermitFor(world, input.id), input)
    const { lease, secret } = await issue()
    expect(secret).toMatch(/^made-there-/)
    expect(world.target.principals.get(lease.principal)?.secret).toBe(secret)
    expect((await issue()).secret).toBe(secret)
    expect((await readSalts(world.store, [lease.id])).get(lease.id)).toBe(`kept:${secret}`)
    await driveLeasesOf(world, { taskId: world.task.id })
    expect(await findLease(world.store, lease.id)).toMatchObject({
      outcome: 'verified-gone',
      evidence: { credential: 'refused' },
    })
  })

  it('ends no later than its target lets one live', async () => {
    world.target.longestSeconds = 600
    const { endsAt, madeAt } = await issueOne(world)
    expect(endsAt).toBe(addSeconds(madeAt, 600))
    world.target.longestSeconds = 1e6
    expect((await issueOne(world)).endsAt).toBe(issueInput(world).endsAt)
  })

  it('a secret whose target made it, and whose answer was lost, was never anybody’s', async () => {
    world.target.mints = true
    const { principal } = await issueOne(world)
    world.target.mode = 'fails-after-success'
    await expect(issueOne(world)).rejects.toMatchObject({ code: 'target-unavailable' })
    world.target.mode = 'honest'
    world.clock.advance(13_000)
    await sweepLeases(world)
    expect([...world.target.principals.keys()]).toEqual([principal])
    const outcomes = (await listLeases(world.store, {})).map(lease => lease.outcome)
    expect(new Set(outcomes)).toEqual(new Set(['never-made', null]))
  })

  it('a target that failed its canary is not used', async () => {
    world.target.mode = 'refuses'
    await expect(issueOne(world)).rejects.toMatchObject({ code: 'target-refused' })
    expect(await listLeases(world.store, {})).toEqual([])
  })
})

describe('ending', () => {
  it('ends at once and is proven by two paths', async () => {
    const lease = await issueOne(world)
    const permit = testPermit('lease.end', world.first.id, lease.id)
    const ended = await endLease(world, permit, { leaseId: lease.id, cause: 'revoked' })
    expect(ended).toMatchObject({ state: 'gone', outcome: 'verified-gone', cause: 'revoked' })
    expect(world.target.principals.size).toBe(0)
    expect(await endLease(world, permit, { leaseId: lease.id, cause: 'released' })).toMatchObject({
      cause: 'revoked',
    })
    await expectReplay(world.store, [leaseTable])
  })

  it('a target that lies is not believed, is tried again, and is believed when it is true', async () => {
    const lease = await issueOne(world)
    world.target.mode = 'lies'
    const permit = testPermit('lease.end', world.first.id, lease.id)
    const ended = await endLease(world, permit, { leaseId: lease.id, cause: 'revoked' })
    expect(ended).toMatchObject({
      state: 'ending',
      evidence: { listed: 'present', credential: 'accepted' },
    })
    for (let tries = 0; tries < 5; tries++) {
      world.clock.advance(300_000)
      await sweepLeases(world)
    }
    expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'ending' })
    const findings = await world.store.query(`select kind, about from finding where state = 'open'`)
    expect(findings).toEqual([{ kind: 'lease-stuck', about: lease.id }])
    world.target.mode = 'honest'
    world.clock.advance(300_000)
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({
      state: 'gone',
      outcome: 'verified-gone',
    })
    expect(await world.store.query(`select 1 from finding where state = 'open'`)).toEqual([])
  })

  it('what may still be made is not called gone before its deadline, whoever ends it', async () => {
    await issueOne(world)
    const input = issueInput(world)
    world.target.latencyMs = 100
    const issue = issueLease(world, issuePermitFor(world, input.id), input)
    issue.catch(() => {})
    await expect.poll(() => findLease(world.store, input.id)).toMatchObject({ state: 'intended' })
    const permit = testPermit('lease.end', world.first.id, input.id)
    const ended = await endLease(world, permit, { leaseId: input.id, cause: 'released' })
    expect(ended).toMatchObject({ state: 'ending', outcome: null, cause: 'released' })
    await expect(issue).rejects.toMatchObject({ code: 'wrong-state' })
    expect(world.target.principals.has(ended.principal)).toBe(true)
    await endLease(world, permit, { leaseId: input.id, cause: 'released' })
    await driveLeasesOf(world, { taskId: world.task.id })
    await close('task')
    await sweepLeases(world)
    expect(await findLease(world.store, input.id)).toMatchObject({ state: 'ending' })
    world.clock.advance(13_000)
    await sweepLeases(world)
    expect(await findLease(world.store, input.id)).toMatchObject({ state: 'gone' })
    expect(world.target.principals.size).toBe(0)
  })

  for (const parent of ['task', 'app', 'identity', 'grant', 'hold'] as const)
    it(`a lease ends because its ${parent} does`, async () => {
      const lease = await issueOne(world)
      await sweepLeases(world)
      expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'live' })
      await close(parent)
      await sweepLeases(world)
      expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'gone', cause: parent })
      expect(world.target.principals.size).toBe(0)
    })

  it('a lease ends because the day of its app is held, and not because another is', async () => {
    await world.store.query(`update app set day = 'build-day' where id = $1`, [world.app.id])
    const lease = await issueOne(world)
    const text = `insert into hold (id, version, scope, about, reason, set_by, state, made_at)
      values ($1, 1, 'day', $2, 'stop', $3, 'set', $4)`
    const by = [world.first.id, world.clock.now()]
    await world.store.query(text, ['ho_1', 'day/other', ...by])
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'live' })
    await world.store.query(text, ['ho_2', 'day/build-day', ...by])
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'gone', cause: 'hold' })
  })

  it('a lease ends with its term, and not a moment before', async () => {
    const lease = await issueOne(world, { termSeconds: 60 })
    world.clock.advance(59_999)
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'live' })
    world.clock.advance(1)
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({
      state: 'gone',
      cause: 'expired',
    })
  })

  it('a target that hangs costs its own leases time, and is tried again', async () => {
    const lease = await issueOne(world, { termSeconds: 30 })
    world.clock.advance(31_000)
    world.target.mode = 'hangs'
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({
      state: 'ending',
      evidence: { listed: 'unknown', because: expect.stringContaining('did not answer') },
    })
    world.target.mode = 'honest'
    world.clock.advance(60_000)
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({ state: 'gone' })
    expect(await oldestDue(world.store)).toBeNull()
  })

  it('a target that hangs keeps its own pass, and no other target waits for it', async () => {
    const [stuck, other] = [
      await issueOne(world, { termSeconds: 30 }),
      await issueOne(world, { termSeconds: 60 }),
    ]
    const slow = await moveToAnotherTarget(stuck.id)
    const { targets } = world
    const call: typeof targets.call = (id, lane, run) =>
      id === slow ? new Promise<never>(() => {}) : targets.call(id, lane, run)
    const hung = { ...world, targets: Object.assign(Object.create(targets) as Targets, { call }) }
    const underWay = new Map()
    world.clock.advance(31_000)
    void sweepLeases(hung, underWay)
    await expect.poll(() => underWay.has(slow)).toBe(true)
    world.clock.advance(30_000)
    void sweepLeases(hung, underWay)
    await expect
      .poll(() => findLease(world.store, other.id))
      .toMatchObject({ outcome: 'verified-gone' })
    expect(await findLease(world.store, stuck.id)).toMatchObject({ state: 'live' })
  })

  it('whose turn at a full target did not come was not tried, and gets its turn', async () => {
    const { callsAtOnce = 0 } = await world.targets.describe(world.grant.targetId)
    for (let n = 0; n < callsAtOnce + 8; n++) await issueOne(world, { termSeconds: 30 })
    world.clock.advance(31_000)
    world.target.mode = 'hangs'
    await sweepLeases(world)
    const said = await world.store.query<{ says: string; n: number }>(
      `select tries || ' ' || (evidence ->> 'because') as says, count(*)::int as n
       from lease join lease_due on lease_id = id group by says`,
    )
    const says = '1 The target did not answer in time, or broke off.'
    expect(said).toEqual([{ says, n: callsAtOnce + 8 }])
  })

  it('each live credential is looked at in its turn', async () => {
    const ids = [(await issueOne(world)).id, (await issueOne(world)).id]
    const looked = new Set(ids.slice(0, 1))
    world.target.calls.length = 0
    await watchLeases(world, looked)
    expect(world.target.calls.filter(call => call.startsWith('check'))).toHaveLength(1)
    expect([...looked]).toEqual(ids)
    await watchLeases(world, looked)
    expect(world.target.calls.filter(call => call.startsWith('check'))).toHaveLength(3)
  })

  it('a credential changed at its target ends its lease', async () => {
    const lease = await issueOne(world)
    expect(await watchLeases(world)).toEqual([])
    const principal = world.target.principals.get(lease.principal)
    if (principal) principal.secret = 'changed'
    expect(await watchLeases(world)).toMatchObject([
      { id: lease.id, state: 'ending', cause: 'tampered' },
    ])
    await sweepLeases(world)
    expect(await findLease(world.store, lease.id)).toMatchObject({
      state: 'gone',
      cause: 'tampered',
    })
  })
})

describe('renewing', () => {
  it('is refused while a sweep has the lease: it may be ended at its target already', async () => {
    const lease = await issueOne(world, { termSeconds: 60 })
    const until = addSeconds(world.clock.now(), 30)
    await world.store.query('update lease_due set held_until = $1', [until])
    await expect(renew(lease.id, 300)).rejects.toMatchObject({ code: 'wrong-state' })
    world.clock.set(until)
    expect(await renew(lease.id, 300)).toMatchObject({ term: 2 })
  })

  const renew = (id: Awaited<ReturnType<typeof issueOne>>['id'], seconds = 900) =>
    renewLease(world, testPermit('lease.renew', world.identity.id, id), {
      leaseId: id,
      endsAt: addSeconds(world.clock.now(), 7200),
      termSeconds: seconds,
    })

  it('gives another term and tells the target', async () => {
    const lease = await issueOne(world, { termSeconds: 60 })
    world.clock.advance(30_000)
    const renewed = await renew(lease.id)
    expect(renewed).toMatchObject({ term: 2, state: 'live' })
    expect(world.target.principals.get(lease.principal)?.validUntil).toBe(renewed.termEndsAt)
  })

  it('is refused after the term, after the end of a parent, and beyond the lease itself', async () => {
    const lease = await issueOne(world, { termSeconds: 60 })
    world.clock.advance(60_000)
    await expect(renew(lease.id)).rejects.toMatchObject({ code: 'wrong-state' })
    const other = await issueOne(world, {
      endsAt: addSeconds(world.clock.now(), 120),
      termSeconds: 120,
    })
    await expect(renew(other.id)).rejects.toMatchObject({ code: 'wrong-state' })
    const third = await issueOne(world, { termSeconds: 60 })
    await close('app')
    await expect(renew(third.id)).rejects.toMatchObject({ code: 'wrong-state' })
  })
})
