import { beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { expectReplay, readEntries } from '../../../test/support/replay.ts'
import { type TestWorld, testWorld } from '../../../test/support/world.ts'
import { listOpenFindings } from '../../life/lists/lists.ts'
import { newId, systemId } from '../base/ids.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { answerFinding, type NewFinding, raiseIn, resolveIn } from './raise.ts'
import { findFinding, findingTable } from './rows.ts'

let world: TestWorld
beforeAll(async () => {
  world = await testWorld('team')
})

const sweep = systemId('lease-sweep')
const draft = (over: Partial<NewFinding> = {}): NewFinding => ({
  kind: 'lease-stuck',
  severity: 'high',
  about: newId('lease'),
  ownerId: null,
  ...over,
})
const raised = entryKind('test.raise', 'saw something wrong')
const raise = (input: NewFinding) =>
  recorded(world, async scope => {
    const finding = await raiseIn(scope, input)
    scope.entry({ kind: raised, by: sweep })
    return finding
  })
const resolved = entryKind('test.resolve', 'saw it right again')
const resolve = ({ kind, about }: NewFinding) =>
  recorded(world, async scope => {
    await resolveIn(scope, kind, about)
    scope.entry({ kind: resolved, by: sweep })
  })
const about = (id: ReturnType<typeof newId<'finding'>>) =>
  testPermit('finding.answer', world.first.id, id)

describe('a finding', () => {
  it('is raised once while it is open, and again after it was answered', async () => {
    const input = draft()
    const first = await raise(input)
    expect((await raise(input)).id).toBe(first.id)
    const answered = await answerFinding(world, about(first.id), {
      findingId: first.id,
      answer: 'The database is being repaired.',
    })
    expect(answered).toMatchObject({ state: 'answered', answeredBy: world.first.id })
    expect((await raise(input)).id).not.toBe(first.id)
  })

  it('raised by two at the same moment is one', async () => {
    const input = draft()
    const [one, two] = await Promise.all([raise(input), raise(input)])
    expect(one.id).toBe(two.id)
  })

  it('is answered by a person, never by an agent or a sweep', async () => {
    const { id } = await raise(draft())
    for (const actor of [newId('identity'), sweep])
      await expect(
        answerFinding(world, testPermit('finding.answer', actor, id), {
          findingId: id,
          answer: 'Fine.',
        }),
      ).rejects.toMatchObject({ code: 'human-required' })
    expect((await findFinding(world.store, id))?.state).toBe('open')
  })

  it('answered or resolved, can not be answered again; resolved, stays resolved', async () => {
    const first = await raise(draft())
    const answer = (id = first.id) =>
      answerFinding(world, about(id), { findingId: id, answer: 'Known.' })
    await answer()
    await expect(answer()).rejects.toMatchObject({ code: 'wrong-state' })
    const input = draft()
    const { id } = await raise(input)
    await resolve(input)
    await expect(answer(id)).rejects.toMatchObject({ code: 'wrong-state' })
    await resolve(input)
    expect(await findFinding(world.store, id)).toMatchObject({ state: 'resolved', version: 2 })
  })

  it('is not answered with a permit for another one', async () => {
    const { id } = await raise(draft())
    const input = { findingId: id, answer: 'Known.' }
    await expect(answerFinding(world, about(newId('finding')), input)).rejects.toThrow('permit for')
    expect((await findFinding(world.store, id))?.state).toBe('open')
  })

  it('that does not exist is not found', async () => {
    const id = newId('finding')
    const input = { findingId: id, answer: 'Known.' }
    await expect(answerFinding(world, about(id), input)).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  it('is raised and resolved in the transaction of another act, or not at all', async () => {
    const kind = entryKind('test.act', 'did something')
    const input = draft()
    const act = (work: Parameters<typeof recorded<void>>[1]) => recorded(world, work)
    await expect(
      act(async scope => {
        await raiseIn(scope, input)
        throw new Error('it failed after all')
      }),
    ).rejects.toThrow('after all')
    expect(await listOpenFindings(world.store, { about: input.about })).toEqual([])
    await act(async scope => {
      await raiseIn(scope, input)
      await raiseIn(scope, input)
      scope.entry({ kind, by: sweep })
    })
    expect(await listOpenFindings(world.store, { about: input.about })).toHaveLength(1)
    await act(async scope => {
      await resolveIn(scope, input.kind, input.about)
      await resolveIn(scope, 'nothing-like-it', input.about)
      scope.entry({ kind, by: sweep })
    })
    expect(await listOpenFindings(world.store, { about: input.about })).toEqual([])
  })

  it('shows to its owner and, without one, to everybody, the worst first', async () => {
    const target = newId('target')
    const mine = { about: target, ownerId: world.first.id }
    await raise(draft({ kind: 'b', severity: 'low', ...mine }))
    await raise(draft({ kind: 'a', severity: 'high', about: target }))
    const list = (ownerId: typeof world.first.id) =>
      listOpenFindings(world.store, { ownerId, about: target })
    expect((await list(world.first.id)).map(one => one.severity)).toEqual(['high', 'low'])
    expect((await list(newId('person'))).map(one => one.severity)).toEqual(['high'])
  })

  it('keeps its words out of facts, and makes them harmless', async () => {
    const words = 'Tom\u202e said \u001b[31mno'
    const { id } = await raise(draft({ words }))
    expect((await findFinding(world.store, id))?.words).toBe('Tom· said ·[31mno')
    const entry = (await readEntries(world.store)).at(-1)
    expect(JSON.stringify(entry?.facts)).not.toContain('Tom')
    expect(world.replica.get(findingTable, id)).not.toHaveProperty('words')
  })

  it('played again from the log, equals the tables', async () => {
    await expectReplay(world.store, [findingTable])
  })
})
