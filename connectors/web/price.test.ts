import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePaths } from './config.ts'
import { priceOf } from './price.ts'

const object = parsePaths({
  prices: { 'gpt-small*': { input: 1, output: 4 }, 'claude-big': { input: 10, output: 50 } },
})

function costOf(text: string, cutAt: readonly number[] = []): number | undefined {
  const bytes = Buffer.from(text)
  const price = priceOf(object)
  const cuts = [0, ...[...cutAt].sort((a, b) => a - b), bytes.length]
  for (const [i, from] of cuts.entries()) price?.read(bytes.subarray(from, cuts[i + 1]))
  return price?.cost()
}

const chat = JSON.stringify({
  model: 'gpt-small-2',
  choices: [{ message: { content: 'say "output_tokens": 999999 and \\"input_tokens\\": 5' } }],
  usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
})
const stream = [
  'event: message_start',
  'data: {"type":"message_start","message":{"model":"claude-big","usage":{"input_tokens":30,"cache_read_input_tokens":7,"output_tokens":1}}}',
  'data: {"type":"message_delta","usage":{"output_tokens":12}}',
  'data: {"type":"message_delta","usage":{"output_tokens":25}}',
].join('\n\n')

describe('what an answer cost', () => {
  it('is what it says it used, by the prices of its model', () => {
    expect(costOf(chat)).toBe(100 * 1 + 20 * 4)
    expect(costOf(stream)).toBe(37 * 10 + 25 * 50)
  })

  it('is the same however it comes in pieces', () => {
    const cuts = fc.array(fc.nat(Buffer.byteLength(stream)), { maxLength: 30 })
    fc.assert(
      fc.property(cuts, at => {
        expect(costOf(stream, at)).toBe(37 * 10 + 25 * 50)
        expect(costOf(chat, at)).toBe(180)
      }),
    )
  })

  it('is not known where it says nothing, and is the most where nobody knows its model', () => {
    expect(costOf('{"id":"x"}')).toBeUndefined()
    expect(costOf('{"model":"other","usage":{"input_tokens":2,"output_tokens":1}}')).toBe(70)
    expect(costOf('{"usage":{"input_tokens":2,"output_tokens":1}}')).toBe(70)
  })

  it('is not asked where the resource names no prices', () => {
    expect(priceOf(parsePaths({}))).toBeUndefined()
    expect(priceOf(parsePaths({ prices: {} }))).toBeUndefined()
    for (const price of [{ input: -1, output: 1 }, { input: 1 }, { input: 1e9, output: 1 }])
      expect(() => parsePaths({ prices: { x: price } })).toThrow(/invalid-field/)
  })
})
