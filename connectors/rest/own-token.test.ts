/** Work that several callers wait for at once. */
import { expect, test } from 'vitest'
import { handClock } from '../../test/support/clock.ts'
import { ownToken, waitFor } from './own-token.ts'

const soon = () => AbortSignal.timeout(2_000)

function counted(seconds = 3600) {
  const clock = handClock()
  let made = 0
  let isDown = false
  const make = async () => {
    if (isDown) throw new Error('down')
    made++
    return { token: `t${made}`, seconds }
  }
  const own = ownToken('It', clock, make)
  return { clock, own, setDown: (is: boolean) => void (isDown = is), count: () => made }
}

test('a token is made once for all who ask, and again a while before it dies', async () => {
  const { clock, own, count } = counted()
  expect(await Promise.all([own(soon()), own(soon()), own(soon())])).toEqual(['t1', 't1', 't1'])
  clock.advance(899_000)
  expect(await own(soon())).toBe('t1')
  clock.advance(1_000)
  expect(await own(soon())).toBe('t2')
  expect(count()).toBe(2)
})

test('one that lives shorter than our margin is used once', async () => {
  const { own } = counted(60)
  expect(await own(soon())).toBe('t1')
  expect(await own(soon())).toBe('t2')
})

test('one that was refused is replaced once, whoever says so', async () => {
  const { own, count } = counted()
  await own(soon())
  expect(await Promise.all([own(soon(), 't1'), own(soon(), 't1')])).toEqual(['t2', 't2'])
  expect(count()).toBe(2)
})

test('a failure is not kept', async () => {
  const { own, setDown } = counted()
  setDown(true)
  await expect(own(soon())).rejects.toThrow('down')
  setDown(false)
  expect(await own(soon())).toBe('t1')
})

test('who stops waiting is told, and the work goes on for others', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const stop = new AbortController()
  const first = waitFor('It', promise, stop.signal)
  const second = waitFor('It', promise, soon())
  stop.abort()
  await expect(first).rejects.toThrow(/target-unavailable/)
  resolve('done')
  expect(await second).toBe('done')
  await expect(waitFor('It', promise, AbortSignal.abort())).rejects.toThrow(/target-unavailable/)
})
