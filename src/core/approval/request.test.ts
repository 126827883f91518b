// The life of a request against a real database: asked, answered, withdrawn, expired, acted on.
import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { leaves, person, seen, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { listRequests } from '../../life/lists/lists.ts'
import { type ActorId, newId, type PersonId, type RequestId, systemId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { readAgreed } from './agreed.ts'
import { sweepRequests, withdrawRequest } from './close.ts'
import { answerRequest, makeRequest, type NewRequest } from './request.ts'
import { answerTable, findRequest, listAnswers, requestTable } from './rows.ts'
import { useAgreed } from './use.ts'

let world: TestWorld
let maya: PersonId, tom: PersonId, ann: PersonId

beforeAll(async () => {
  world = await testWorld('team')
  maya = await person(world, 'Maya')
  tom = await person(world, 'Tom')
  ann = await person(world, 'Ann')
})

const draft = (over: Partial<NewRequest> = {}): NewRequest => ({
  id: newId('request'),
  kind: 'grant',
  appId: null,
  body: { resource: 'rs_1', actions: ['read'] },
  reason: 'QBR numbers',
  approvers: [tom],
  quorum: 1,
  ownAnswer: false,
  ...over,
})

const ask = (over: Partial<NewRequest> = {}, by: ActorId = maya) => {
  const input = draft(over)
  return makeRequest(world, testPermit('request.make', by, input.id), input)
}

const answer = (requestId: RequestId, by: ActorId, bodyHash: string, says: 'yes' | 'no' = 'yes') =>
  answerRequest(world, testPermit('request.answer', by, requestId), { requestId, says, bodyHash })

const actedOn = entryKind('test.act', 'acted on a request')
const act = (id: RequestId, kind: NewRequest['kind'] = 'grant') =>
  recorded(world, async scope => {
    const found = await readAgreed(scope, id, kind)
    scope.entry({ kind: actedOn, by: systemId('approval') })
    return found
  })

describe('a request', () => {
  it('is agreed when another person says yes, and the body that was agreed can be acted on', async () => {
    const request = await ask()
    expect(await answer(request.id, tom, request.bodyHash)).toEqual({ state: 'agreed' })
    expect((await act(request.id)).body).toEqual({ actions: ['read'], resource: 'rs_1' })
  })

  it('can not be acted on while open, when denied, as another kind, or after it is too old', async () => {
    const open = await ask()
    await expect(act(open.id)).rejects.toMatchObject({ code: 'approval-needed' })
    const denied = await ask()
    expect(await answer(denied.id, tom, denied.bodyHash, 'no')).toEqual({ state: 'denied' })
    await expect(act(denied.id)).rejects.toMatchObject({ code: 'approval-needed' })
    const agreed = await ask()
    await answer(agreed.id, tom, agreed.bodyHash)
    await expect(act(agreed.id, 'policy')).rejects.toMatchObject({ code: 'not-found' })
    const before = world.clock.now()
    world.clock.advance(limits.requestOpenDays * 24 * 3600 * 1000)
    await expect(act(agreed.id)).rejects.toMatchObject({ code: 'approval-needed' })
    world.clock.set(before)
  })

  it('is never answered by its asker, even when named among the approvers', async () => {
    const request = await ask({ approvers: [maya, tom] })
    expect(request.approvers).toEqual([tom])
    await expect(answer(request.id, maya, request.bodyHash)).rejects.toMatchObject({
      code: 'denied',
      detail: 'Nobody agrees to their own request.',
    })
  })

  it('is not answered by somebody who was not asked, nor by an agent or a sweep', async () => {
    const request = await ask()
    await expect(answer(request.id, ann, request.bodyHash)).rejects.toMatchObject({
      code: 'denied',
    })
    for (const actor of [newId('identity'), systemId('approval')])
      await expect(answer(request.id, actor, request.bodyHash)).rejects.toMatchObject({
        code: 'human-required',
      })
    expect(await listAnswers(world.store, request.id)).toEqual([])
  })

  it('refuses an answer to another text than the one asked', async () => {
    const [mine, other] = [await ask(), await ask({ body: { resource: 'rs_2' } })]
    await expect(answer(mine.id, tom, other.bodyHash)).rejects.toMatchObject({
      code: 'hash-mismatch',
      field: 'bodyHash',
    })
    expect((await findRequest(world.store, mine.id))?.state).toBe('open')
  })

  it('can not be made when nobody else can answer it', async () => {
    await expect(ask({ approvers: [maya] })).rejects.toMatchObject({ code: 'approval-needed' })
    await expect(ask({ approvers: [tom, tom], quorum: 2 })).rejects.toMatchObject({
      code: 'approval-needed',
    })
    await expect(ask({ approvers: [tom, ann], quorum: 2 })).resolves.toMatchObject({ quorum: 2 })
  })

  it('asked again under the same id is the same request; another body under that id is refused', async () => {
    const input = draft()
    const permit = testPermit('request.make', maya, input.id)
    const first = await makeRequest(world, permit, input)
    const entries = (await readEntries(world.store)).length
    expect(await makeRequest(world, permit, input)).toEqual(first)
    expect((await readEntries(world.store)).length).toBe(entries)
    await expect(
      makeRequest(world, permit, { ...input, body: { resource: 'rs_9' } }),
    ).rejects.toMatchObject({ code: 'already-exists' })
  })

  it('answered the same way again says the same and records nothing; differently is refused', async () => {
    const request = await ask({ approvers: [tom, ann], quorum: 2 })
    await answer(request.id, tom, request.bodyHash)
    const entries = (await readEntries(world.store)).length
    expect(await answer(request.id, tom, request.bodyHash)).toEqual({ state: 'open' })
    expect((await readEntries(world.store)).length).toBe(entries)
    await expect(answer(request.id, tom, request.bodyHash, 'no')).rejects.toMatchObject({
      code: 'already-exists',
    })
    await answer(request.id, ann, request.bodyHash)
    expect(await answer(request.id, tom, request.bodyHash)).toEqual({ state: 'agreed' })
  })

  it('answered by one person twice at the same moment has one answer', async () => {
    const request = await ask({ approvers: [tom, ann], quorum: 2 })
    const both = await Promise.allSettled([
      answer(request.id, tom, request.bodyHash),
      answer(request.id, tom, request.bodyHash),
    ])
    expect(both.filter(one => one.status === 'fulfilled').length).toBeGreaterThan(0)
    expect(await listAnswers(world.store, request.id)).toHaveLength(1)
    expect((await findRequest(world.store, request.id))?.state).toBe('open')
  })

  it('does not count an approver who left before the last answer', async () => {
    const gone = await person(world, 'Rob')
    const request = await ask({ approvers: [gone, tom, ann], quorum: 2 })
    await answer(request.id, gone, request.bodyHash)
    await leaves(world, gone)
    expect(await answer(request.id, tom, request.bodyHash)).toEqual({ state: 'open' })
    expect(await answer(request.id, ann, request.bodyHash)).toEqual({ state: 'agreed' })
  })

  it('names no approver who is silent for too long', async () => {
    const silent = await person(world, 'Rob')
    world.clock.advance((limits.ownerSilentDays + 1) * 24 * 3600 * 1000)
    await expect(ask({ approvers: [silent] })).rejects.toMatchObject({ code: 'approval-needed' })
    await Promise.all([maya, tom, ann].map(id => seen(world, id)))
    await expect(ask({ approvers: [silent, tom] })).resolves.toMatchObject({ approvers: [tom] })
  })

  it('withdrawn, can not be answered, nor withdrawn again', async () => {
    const request = await ask()
    const permit = testPermit('request.withdraw', maya, request.id)
    await withdrawRequest(world, permit, { requestId: request.id })
    await expect(answer(request.id, tom, request.bodyHash)).rejects.toMatchObject({
      code: 'wrong-state',
    })
    await expect(withdrawRequest(world, permit, { requestId: request.id })).rejects.toMatchObject({
      code: 'wrong-state',
    })
  })

  it('expires, and one minute before that is still open', async () => {
    const request = await ask()
    world.clock.advance(limits.requestOpenDays * 24 * 3600 * 1000 - 60_000)
    await sweepRequests(world)
    expect((await findRequest(world.store, request.id))?.state).toBe('open')
    world.clock.advance(60_000)
    await expect(answer(request.id, tom, request.bodyHash)).rejects.toMatchObject({
      code: 'wrong-state',
    })
    expect(await sweepRequests(world)).toBeGreaterThan(0)
    expect((await findRequest(world.store, request.id))?.state).toBe('expired')
    await Promise.all([maya, tom, ann].map(id => seen(world, id)))
  })

  it('lets nobody agree to their own outside a solo installation', async () => {
    await expect(ask({ approvers: [maya], ownAnswer: true })).rejects.toMatchObject({
      code: 'approval-needed',
    })
  })

  it('is not changed by a permit for another one', async () => {
    const request = await ask()
    const { id: requestId, bodyHash } = request
    const other = newId('request')
    for (const attempt of [
      () => makeRequest(world, testPermit('request.make', maya, other), draft()),
      () =>
        answerRequest(world, testPermit('request.answer', tom, other), {
          requestId,
          says: 'yes',
          bodyHash,
        }),
      () => withdrawRequest(world, testPermit('request.withdraw', maya, other), { requestId }),
    ])
      await expect(attempt()).rejects.toThrow('permit for')
    expect(await findRequest(world.store, requestId)).toEqual(request)
  })

  it('keeps words of people out of facts, and the hash in them', async () => {
    const request = await ask({ reason: 'Because Zoe said so' })
    const entry = (await readEntries(world.store)).at(-1)
    expect(JSON.stringify(entry?.facts)).not.toContain('Zoe')
    expect(JSON.stringify(entry?.facts)).toContain(request.bodyHash)
    expect(Object.values(entry?.words ?? {})).toContain('Because Zoe said so')
  })

  it('is shown to its asker and to those who may answer, not to a stranger', async () => {
    const request = await ask()
    const idsFor = async (personId: PersonId) =>
      (await listRequests(world.store, { personId, state: 'open' })).map(one => one.id)
    expect(await idsFor(maya)).toContain(request.id)
    expect(await idsFor(tom)).toContain(request.id)
    expect(await idsFor(ann)).not.toContain(request.id)
  })

  it('played again from the log, equals the tables', async () => {
    await expectReplay(world.store, [requestTable, answerTable])
    expect(world.replica.all(requestTable).every(one => one.state === 'open')).toBe(true)
  })
})

describe('a solo installation', () => {
  it('lets its one person agree where the matter allows it, and not where it does not', async () => {
    const solo = await testWorld('solo')
    const input = draft({ approvers: [solo.first.id], ownAnswer: true })
    const request = await makeRequest(
      solo,
      testPermit('request.make', solo.first.id, input.id),
      input,
    )
    const answered = await answerRequest(
      solo,
      testPermit('request.answer', solo.first.id, request.id),
      { requestId: request.id, says: 'yes', bodyHash: request.bodyHash },
    )
    expect(answered).toEqual({ state: 'agreed' })
    const other = { ...draft({ approvers: [solo.first.id] }), ownAnswer: false }
    await expect(
      makeRequest(solo, testPermit('request.make', solo.first.id, other.id), other),
    ).rejects.toMatchObject({ code: 'approval-needed' })
  })
})

describe('the database, without the code', () => {
  const update = (id: RequestId, set: string) =>
    world.store.query(`update request set ${set} where id = $1`, [id])

  it('refuses to edit what is asked, of whom, and until when', async () => {
    const request = await ask()
    for (const set of [
      `body = '{}', body_hash = encode(sha256('{}'), 'hex')`,
      `body = '{}'`,
      `approvers = array['${ann}']`,
      'quorum = 0',
      `expires_at = expires_at + interval '1 day'`,
    ])
      await expect(update(request.id, set)).rejects.toThrow(/never edited|check constraint/)
  })

  it('refuses to open a closed request again', async () => {
    const request = await ask()
    await answer(request.id, tom, request.bodyHash, 'no')
    await expect(update(request.id, `state = 'agreed'`)).rejects.toThrow('never edited')
  })

  it('refuses an answer of the asker, to another hash, or after the end', async () => {
    const request = await ask()
    const insert = (by: PersonId, hash: string) =>
      world.store.query(
        `insert into answer (id, version, request_id, person_id, says, body_hash, at)
         values ($1, 1, $2, $3, 'yes', $4, now())`,
        [newId('decision'), request.id, by, hash],
      )
    await expect(insert(maya, request.bodyHash)).rejects.toThrow('does not fit')
    await expect(insert(tom, 'x')).rejects.toThrow('does not fit')
    await answer(request.id, tom, request.bodyHash)
    await expect(insert(ann, request.bodyHash)).rejects.toThrow('does not fit')
  })

  it('for one call is used once, and only while it is young', async () => {
    const first = await ask({ kind: 'call', openSeconds: 900 })
    const use = (id: RequestId) =>
      useAgreed(world, testPermit('lease.use', newId('identity'), newId('lease')), id)
    await expect(use(first.id)).rejects.toMatchObject({ code: 'approval-needed' })
    await answer(first.id, tom, first.bodyHash)
    const both = await Promise.allSettled([use(first.id), use(first.id)])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect((await findRequest(world.store, first.id))?.state).toBe('used')
    await expect(use(first.id)).rejects.toMatchObject({ code: 'approval-needed' })
    // A yes that nobody used in time is no yes, and memory forgets it.
    const second = await ask({ kind: 'call', openSeconds: 900 })
    await answer(second.id, tom, second.bodyHash)
    const before = world.clock.now()
    world.clock.advance(900_000)
    await expect(use(second.id)).rejects.toMatchObject({ code: 'approval-needed' })
    expect(await sweepRequests(world)).toBe(1)
    expect((await findRequest(world.store, second.id))?.state).toBe('expired')
    world.clock.set(before)
  })

  it('of another kind is no yes to a call', async () => {
    const request = await ask()
    await answer(request.id, tom, request.bodyHash)
    const permit = testPermit('lease.use', newId('identity'), newId('lease'))
    await expect(useAgreed(world, permit, request.id)).rejects.toMatchObject({ code: 'not-found' })
  })
})
