import { expect, test } from 'vitest'
import { patient } from '../src/schedule.ts'

test('what a pass throws is thrown while it is waited for, and told when it comes later', async () => {
  const told: unknown[] = []
  const tell = (thrown: unknown) => void told.push(thrown)
  await expect(patient(Promise.reject(new Error('at once')), tell, 20)).rejects.toThrow('at once')
  expect(told).toEqual([])
  const pass = Promise.withResolvers<void>()
  await patient(pass.promise, tell, 20)
  pass.reject(new Error('later'))
  await Promise.allSettled([pass.promise])
  await Promise.resolve()
  expect(told).toEqual([new Error('later')])
})
