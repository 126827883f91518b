/** What a hostile name becomes in a statement. */
import { expect, test } from 'vitest'
import { ourName, ourNameOf, quote, shown, text } from './names.ts'

test.each([
  ['DEALS', '"DEALS"'],
  ['a"b', '"a""b"'],
  ['"; DROP USER "X', '"""; DROP USER ""X"'],
  ['a.b', '"a.b"'],
  ["it's", `"it's"`],
  ['$$', '"$$"'],
  ['аcme', '"аcme"'],
  ['back\\slash"', '"back\\slash"""'],
])('the name %s stays one name', (name, quoted) => {
  expect(quote(name)).toBe(quoted)
  expect(quoted.slice(1, -1).replaceAll('""', '')).not.toContain('"')
})

test.each([
  ["it's", "'it''s'"],
  ["\\' OR 1", "'\\\\'' OR 1'"],
  ['\\', "'\\\\'"],
])('the text %s stays one text', (value, quoted) => expect(text(value)).toBe(quoted))

test.each(['', 'lh_', 'LH_A', 'lh_a"b', 'lh_ä', 'lh_a$$', 'lhx_a', `lh_${'a'.repeat(61)}`])(
  'the name %s is none of ours',
  name => expect(() => ourName(name)).toThrow(/invalid-field/),
)

test('a name of ours is the same there and back, and of others nothing is', () => {
  expect(ourNameOf(ourName('lhg_desk_7'))).toBe('lhg_desk_7')
  for (const other of ['lh_desk', 'LHX_DESK', 'Lh_DESK', 'LH_É', 'SYSADMIN'])
    expect(ourNameOf(other)).toBeUndefined()
})

test('a place is shown as Snowflake shows it', () =>
  expect(shown('SALES', 'my schema', 'a"b')).toBe('SALES."my schema"."a""b"'))
