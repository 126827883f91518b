import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isProblem } from '../base/problem.ts'
import { type SealKey, sealKey, sealWith, unsealWith } from './seal.ts'

const key = sealKey(randomBytes(32))
const place = 'target_config/tg_1/sealed'
const only =
  (...keys: SealKey[]) =>
  (name: string) =>
    keys.find(each => each.name === name)

function refused(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    if (isProblem(thrown, 'internal')) return thrown.log ?? ''
    throw thrown
  }
  throw new Error('it opened')
}

describe('a sealed value', () => {
  it('opens to what was sealed, at its place, with its key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (plaintext, where) => {
        const sealed = sealWith(key, plaintext, where)
        expect(sealed).toMatch(/^s1\.[\w-]{16}\.[\w-]+$/)
        expect(new Uint8Array(unsealWith(only(key), sealed, where))).toEqual(plaintext)
      }),
    )
  })

  it('is another each time, and shows nothing of what is in it', () => {
    const secret = Buffer.from('a word nobody may read')
    const one = sealWith(key, secret, place)
    const two = sealWith(key, secret, place)
    expect(one).not.toBe(two)
    expect(Buffer.from(one.split('.')[2] ?? '', 'base64url').includes(secret)).toBe(false)
  })

  it('does not open in another row, column or table', () => {
    const sealed = sealWith(key, Buffer.from('x'), place)
    for (const other of [
      'target_config/tg_2/sealed',
      'target_config/tg_1/other',
      'target/tg_1/sealed',
      '',
      `${place}\n`,
      `x\n${place}`,
    ])
      expect(refused(() => unsealWith(only(key), sealed, other))).toContain('tag')
  })

  it('does not open with another key, nor with one that took its name', () => {
    const sealed = sealWith(key, Buffer.from('x'), place)
    const other = sealKey(randomBytes(32))
    expect(refused(() => unsealWith(only(other), sealed, place))).toContain('not known')
    const impostor = sealKey(randomBytes(32), key.name)
    expect(refused(() => unsealWith(only(impostor), sealed, place))).toContain('tag')
    const renamed = sealed.replace(key.name, other.name)
    expect(refused(() => unsealWith(only(key, other), renamed, place))).toContain('tag')
  })

  it('does not open once any part of it was changed or cut', () => {
    const sealed = sealWith(key, Buffer.from('a password'), place)
    const start = sealed.lastIndexOf('.') + 1
    const body = Buffer.from(sealed.slice(start), 'base64url')
    for (let at = 0; at < body.length; at++) {
      const changed = Buffer.from(body)
      changed[at] = (changed[at] ?? 0) ^ 1
      const text = sealed.slice(0, start) + changed.toString('base64url')
      expect(refused(() => unsealWith(only(key), text, place))).toContain('tag')
    }
    for (let length = 0; length < body.length; length++) {
      const text = sealed.slice(0, start) + body.subarray(0, length).toString('base64url')
      refused(() => unsealWith(only(key), text, place))
    }
  })

  it.each([
    ['nothing', () => ''],
    ['one part', () => 's1'],
    ['two parts', () => `s1.${key.name}`],
    ['a part too many', (sealed: string) => `${sealed}.x`],
    ['another format', (sealed: string) => sealed.replace('s1', 's2')],
    ['padding', (sealed: string) => `${sealed}=`],
    ['white space', (sealed: string) => `${sealed} `],
    ['plain base64', (sealed: string) => sealed.replace(/.$/, '+')],
    [
      'a second writing of the same bytes',
      (sealed: string) => `${sealed}A`.slice(0, -1).replace(/.$/, '!'),
    ],
  ])('is read strictly: not %s', (_what, change) => {
    const sealed = sealWith(key, Buffer.from('x'), place)
    refused(() => unsealWith(only(key), change(sealed), place))
    expect(unsealWith(only(key), sealed, place).toString()).toBe('x')
  })

  it('tells nobody what was in it when it does not open', () => {
    const sealed = sealWith(key, Buffer.from('hidden-word'), place)
    const log = refused(() => unsealWith(only(key), `${sealed.slice(0, -4)}AAAA`, place))
    expect(log).not.toContain('hidden')
    expect(log).not.toContain(sealed.slice(-20))
  })
})

describe('a key that seals', () => {
  it('has 32 bytes', () => {
    expect(() => sealKey(randomBytes(31))).toThrow(/32 bytes/)
    expect(() => sealKey(randomBytes(33))).toThrow(/32 bytes/)
  })

  it('is named by what it is, the same each time, and its name does not give it away', () => {
    const bytes = randomBytes(32)
    expect(sealKey(bytes).name).toBe(sealKey(Buffer.from(bytes)).name)
    expect(sealKey(bytes).name).not.toBe(sealKey(randomBytes(32)).name)
    expect(bytes.toString('base64url')).not.toContain(sealKey(bytes).name)
  })
})
