import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bounds } from './bounds.ts'
import { Frames } from './frames.ts'
import { message } from './wire.ts'

const row = (bytes: number) => message('D', Buffer.alloc(bytes, 120))
const ready = message('Z', Buffer.from('I'))

/** What went on, and the frames after it. */
function through(chunks: readonly Buffer[]) {
  const frames = new Frames()
  const out = chunks.map(chunk => frames.take(chunk))
  return { frames, out }
}

describe('messages of a server', () => {
  test('come out as they went in, however they were cut, and only whole ones', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 20 })
    const cuts = fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(sizes, cuts, (bytes, steps) => {
        const all = Buffer.concat([...bytes.map(row), ready])
        const frames = new Frames()
        const out: Buffer[] = []
        for (let at = 0, i = 0; at < all.length; i++) {
          const step = steps[i % steps.length] ?? 1
          out.push(frames.take(all.subarray(at, at + step)) ?? Buffer.from('no stream'))
          expect(frames.isBetween).toBe(true)
          at += step
        }
        expect(Buffer.concat(out).equals(all)).toBe(true)
        expect(frames.rows).toBe(bytes.length)
      }),
    )
  })

  test('are held back while they are not whole, to a bound; larger ones go through as they come', () => {
    const small = row(bounds.heldBytes - 100)
    const { frames, out } = through([small.subarray(0, -1), small.subarray(-1)])
    expect(out.map(each => each?.length)).toEqual([0, small.length])
    expect(frames.isBetween).toBe(true)
    const large = row(bounds.heldBytes)
    const { frames: open, out: parts } = through([
      large.subarray(0, 1000),
      large.subarray(1000, 5000),
    ])
    expect(parts.map(each => each?.length)).toEqual([1000, 4000])
    expect(open.isBetween).toBe(false)
    expect(open.take(Buffer.concat([large.subarray(5000), ready]))?.length).toBe(
      large.length - 5000 + ready.length,
    )
    expect([open.isBetween, open.rows]).toEqual([true, 1])
  })

  test('that end with an error have said why', () => {
    const error = message('E', 'SFATAL', '')
    expect(through([Buffer.concat([row(3), error])]).frames.isTold).toBe(true)
    expect(through([Buffer.concat([error, ready])]).frames.isTold).toBe(false)
  })

  test('of a length that can not be are no stream of messages', () => {
    for (const length of [0, 3, 0x80000000, 0xffffffff]) {
      const bytes = Buffer.from(row(10))
      bytes.writeUInt32BE(length, 1)
      expect(new Frames().take(bytes)).toBe(undefined)
    }
    expect(new Frames().take(row(0))).toEqual(row(0))
  })
})
