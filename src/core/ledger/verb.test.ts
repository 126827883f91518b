import { expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { person, testWorld } from '../../../test/support/world.ts'
import { newId, type TaskId } from '../base/ids.ts'
import { entryKind } from './kind.ts'
import { verb } from './verb.ts'

const done = entryKind('test.verb', 'did it')

it('a verb runs by a permit for its action and its thing, and by no other', async () => {
  const world = await testWorld('team')
  const maya = await person(world, 'Maya')
  const seen: string[] = []
  const close = verb('task.close', 'taskId', async (scope, { taskId }, by) => {
    seen.push(taskId)
    scope.entry({ kind: done, by, subjects: [{ type: 'task', id: taskId, version: 0 }] })
    return by.actor
  })
  const taskId = newId('task')
  const input = { taskId }
  expect(await close(world, testPermit('task.close', maya, taskId), input)).toBe(maya)
  const other = testPermit('task.close', maya, newId('task'))
  await expect(close(world, other, input)).rejects.toThrow(/permit for .* used for/)
  const opening = testPermit('task.open', maya, taskId) as unknown as typeof other
  await expect(close(world, opening, input)).rejects.toThrow(/permit for .* used for/)
  expect(seen).toEqual([taskId])
})

it('a sweep asks for a permit about exactly that thing, and does nothing where there is none', async () => {
  const world = await testWorld('team')
  const asked: unknown[] = []
  const close = verb('task.close', 'taskId', async (scope, _: { taskId: TaskId }, by) => {
    scope.entry({ kind: done, by })
    return by.actor
  })
  const taskId = newId('task')
  const sweeping = {
    ...world,
    permitFor: ((actor: never, action: 'task.close', about: { id: TaskId }) => {
      asked.push([actor, action, about])
      return testPermit(action, actor, about.id)
    }) as never,
  }
  expect(await close.bySweep(sweeping, 'app-sweep', { taskId })).toBe('sy_app-sweep')
  expect(asked).toEqual([['sy_app-sweep', 'task.close', { type: 'task', id: taskId }]])
  const refusing = {
    ...world,
    permitFor: () => {
      throw new Error('policy says no')
    },
  }
  await expect(close.bySweep(refusing, 'app-sweep', { taskId })).rejects.toThrow('policy says no')
})
