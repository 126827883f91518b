/** What a bundle may hold, and that nothing of it comes to lie anywhere else. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bounds } from './bounds.ts'
import { unpack } from './bundle.ts'

let home: string
let nth = 0
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'leasehold-bundle-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const fresh = () => join(home, `to-${++nth}`)
const end = Buffer.alloc(1024)

/** One entry, as a program writes it that does not mean well. */
function entry(name: string, { kind = '0', body = '', size = -1, prefix = '' } = {}): Buffer {
  const head = Buffer.alloc(512)
  head.write(name, 0)
  head.write(`${(size < 0 ? body.length : size).toString(8).padStart(11, '0')}\0`, 124)
  head.write(kind, 156)
  head.write('ustar\x0000', 257)
  head.write(prefix, 345)
  head.fill(32, 148, 156)
  const sum = head.reduce((all, byte) => all + byte, 0)
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  const filled = Buffer.alloc(Math.ceil(body.length / 512) * 512)
  filled.write(body)
  return Buffer.concat([head, filled])
}

test('what tar packs is unpacked, readable by its user alone, with names of any length', () => {
  const from = join(home, 'from')
  const deep = `${'a'.repeat(80)}/${'b'.repeat(80)}`
  mkdirSync(join(from, deep), { recursive: true })
  writeFileSync(join(from, deep, 'ö x.txt'), 'deep')
  writeFileSync(join(from, 'empty'), '')
  const to = fresh()
  unpack(execFileSync('tar', ['-c', '--format=ustar', '-C', from, '.']), to)
  expect(readFileSync(join(to, deep, 'ö x.txt'), 'utf8')).toBe('deep')
  expect(readFileSync(join(to, 'empty'), 'utf8')).toBe('')
  expect(statSync(join(to, 'empty')).mode & 0o777).toBe(0o600)
  expect(statSync(to).mode & 0o777).toBe(0o700)
})

test.each([
  ['a name that leads above', entry('../x')],
  ['one that does in its middle', entry('a/../../x')],
  ['one that does by its prefix', entry('x', { prefix: '..' })],
  ['an absolute name', entry('/etc/x')],
  ['an absolute prefix', entry('x', { prefix: '/etc' })],
  ['a name of another system', entry('..\\x')],
  ['a name with a line break', entry('a\nb')],
  ['an empty part', entry('a//b')],
  ['no UTF-8', entry('x').fill(0xff, 0, 1)],
  ['a symbolic link', entry('x', { kind: '2' })],
  ['a hard link', entry('x', { kind: '1' })],
  ['a device', entry('x', { kind: '3' })],
  ['a header that renames what follows', entry('x', { kind: 'x' })],
  ['a long name in another way', entry('x', { kind: 'L' })],
  ['a folder with a body', entry('x', { kind: '5', body: 'y' })],
  ['a name that is there twice', Buffer.concat([entry('x'), entry('x')])],
  ['a file below a file', Buffer.concat([entry('x'), entry('x/y')])],
  ['a file in place of its folder', entry('.')],
  ['a size beyond its end', entry('x', { size: 5000 })],
  ['a sum that is another', entry('x').fill('y', 0, 1)],
  [
    'too many files',
    Buffer.concat(Array.from({ length: bounds.bundleFiles + 1 }, () => entry('d', { kind: '5' }))),
  ],
])('%s is refused, and nothing lies outside', (_, bad) => {
  const to = fresh()
  expect(() => unpack(Buffer.concat([bad, end]), to)).toThrow('This bundle is not taken')
  expect(() => statSync(join(home, 'x'))).toThrow('ENOENT')
})

test('what is cut off, or is no archive, is refused', () => {
  const whole = entry('x', { body: 'body' })
  for (const bad of [whole, whole.subarray(0, 700), Buffer.from('PK'), Buffer.alloc(0)])
    expect(() => unpack(bad, fresh())).toThrow('not taken')
})
