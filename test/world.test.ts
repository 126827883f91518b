/** What the world does for many callers at once. */
import { expect, test, vi } from 'vitest'
import type { Store } from '../src/core/store/store.ts'
import { settle, shared } from '../src/world.ts'

const storeOf = (ids: number[]) =>
  ({ query: async () => ids.map(id => ({ id })) }) as never as Store

test('what waits is settled up to its newest entry, in whatever order the database names them', async () => {
  const reached = vi.fn<(id: number) => Promise<number>>(async () => 0)
  await settle(storeOf([7, 9, 8]), { reached })
  expect(reached.mock.calls).toEqual([[9]])
  await settle(storeOf([]), { reached })
  expect(reached).toHaveBeenCalledTimes(1)
})

test('callers share a run that began after they asked, and never one that was under way', async () => {
  const runs: PromiseWithResolvers<void>[] = []
  const sweep = shared(() => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    return run.promise
  })
  const first = sweep()
  await vi.waitFor(() => expect(runs).toHaveLength(1))
  const [second, third] = [sweep(), sweep()]
  expect(third).toBe(second)
  runs[0]?.reject(new Error('it broke'))
  await expect(first).rejects.toThrow('it broke')
  await vi.waitFor(() => expect(runs).toHaveLength(2))
  runs[1]?.resolve()
  await expect(Promise.all([second, third])).resolves.toHaveLength(2)
  expect(runs).toHaveLength(2)
})
