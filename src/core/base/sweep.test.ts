import { expect, it } from 'vitest'
import { Problem } from './problem.ts'
import { forEachDue } from './sweep.ts'

it('one that fails holds up no other, and is thrown at the end', async () => {
  const seen: number[] = []
  const sweep = forEachDue([1, 2, 3], async n => {
    seen.push(n)
    if (n === 2) throw new Error('no disk')
  })
  await expect(sweep).rejects.toThrow('1 of a sweep failed')
  expect(seen).toEqual([1, 2, 3])
})

it('what somebody else did meanwhile is passed over and not counted', async () => {
  const done = await forEachDue([1, 2], async n => {
    if (n === 1) throw new Problem('wrong-state', { detail: 'It is ended.' })
  })
  expect(done).toBe(1)
})
