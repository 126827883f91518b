import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEvents } from './events.ts'
import { headerMismatch, readMessage, wantedBy } from './message.ts'

const read = (text: string) => readMessage(Buffer.from(text))

describe('a message', () => {
  test.each([
    '',
    'x',
    '[]',
    '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    '{"id":1,"method":"ping"}',
    '{"jsonrpc":"1.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":7}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}',
    '{"jsonrpc":"2.0","id":1}',
  ])('is not %s', text => {
    expect(() => read(text)).toThrow(/bad-/)
  })

  test('goes on as it was read: a name that occurs twice is one name', () => {
    const twice =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe"},"params":{"name":"other"}}'
    const message = read(twice)
    expect(wantedBy(message)).toEqual({ kind: 'tool', name: 'other' })
    expect(JSON.stringify(message)).not.toContain('safe')
  })

  test('keeps numbers that are larger than ours', () => {
    const text =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","n":9223372036854775807}}'
    expect(JSON.stringify(read(text))).toBe(text)
  })

  test('that calls no tool by a plain name goes nowhere', () => {
    for (const name of ['', 'a b', 'a\n', 'x'.repeat(129), 7, null, ['a']]) {
      const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } } as never
      expect(() => wantedBy(message)).toThrow(/invalid-field/)
    }
  })

  test.each([
    ['resources/read', 'read'],
    ['prompts/get', 'read'],
    ['tools/list', 'session'],
    ['tools/call2', 'unknown'],
    ['TOOLS/CALL', 'unknown'],
    ['sampling/createMessage', 'unknown'],
    ['tools/list\n', 'unknown'],
  ])('%s is %s', (method, kind) => {
    expect(wantedBy({ jsonrpc: '2.0', id: 1, method })).toEqual({ kind })
  })

  test('and its headers say the same, in either spelling', () => {
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'ä' } } as const
    const base64 = `=?base64?${Buffer.from('ä').toString('base64')}?=`
    expect(headerMismatch(message, { 'mcp-method': 'tools/call', 'mcp-name': base64 })).toBe(
      undefined,
    )
    expect(headerMismatch(message, { 'mcp-method': 'tools/list' })?.error?.['code']).toBe(-32020)
    expect(headerMismatch(message, { 'mcp-name': 'b' })?.error?.['code']).toBe(-32020)
  })
})

describe('a stream of events', () => {
  const through = async (parts: readonly string[], change: (data: string) => string) => {
    let out = ''
    for await (const event of readEvents(stream(parts), change)) out += event
    return out
  }
  async function* stream(parts: readonly string[]) {
    for (const part of parts) yield Buffer.from(part)
  }

  test('is the same wherever it was cut, where nothing is changed', async () => {
    const text =
      ': hello\n\nid: 1\nevent: message\ndata: {"a":"ä"}\n\nretry: 10\ndata: x\ndata: y\n\n'
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: text.length })), async cuts => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const parts = at.slice(1).map((end, i) => text.slice(at[i], end))
        expect(await through(parts, data => data)).toBe(text)
      }),
    )
  })

  test('has its data changed and everything else left', async () => {
    const changed = await through(['id: 1\r\ndata: old\r\n\r\n'], () => 'new')
    expect(changed).toBe('id: 1\ndata: new\n\n')
  })

  test('without an end is refused, not kept', async () => {
    const part = 'x'.repeat(1024 * 1024)
    await expect(through(Array(6).fill(part), data => data)).rejects.toThrow(/too-large/)
  })
})
