// What people see: whose app it is, until when, and which kind of data this is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readApp } from '../src/app.ts'
import type { Data } from '../src/data.ts'
import { pageOf, stateOf } from '../src/page.ts'

const app = {
  name: 'desk',
  says: 'Stuck deals',
  owner: 'Maya',
  ends: 'Fri 27 Nov',
  waits: 'Tom was asked.',
}
const maya = { kind: 'known', name: 'Maya O’Hara' } as const
const data: Data = {
  kind: 'real',
  resource: 'crm.deals',
  columns: ['id'],
  rows: [{ id: '1' }],
  says: '',
}

test('the header names owner, end and kind of data', () => {
  const page = pageOf(app, data, 'n', maya)
  for (const each of [
    'Stuck deals',
    'owner Maya',
    'ends Fri 27 Nov',
    '● real data',
    'crm.deals 1 rows',
  ])
    assert.ok(page.includes(each), each)
  assert.ok(!page.includes('synthetic data'))
})

test('who is looking is greeted by name, and a sample is told that it is alone', () => {
  assert.ok(pageOf(app, data, 'n', maya).includes('Hello Maya O’Hara<'))
  const alone = pageOf(app, data, 'n', { kind: 'sample', name: '<i>' })
  assert.ok(alone.includes('Hello &lt;i&gt;: nobody else'))
})

test('synthetic data says that it is, and what is waited for', () => {
  const page = pageOf(app, { ...data, kind: 'synthetic' }, 'n', maya)
  assert.ok(page.includes('▲ synthetic data'))
  assert.ok(page.includes('Tom was asked.'))
})

test('a refusal stays readable, without rows', () => {
  const page = pageOf(
    app,
    { ...data, kind: 'refused', rows: [], says: 'rule app-not-running' },
    'n',
    maya,
  )
  assert.ok(page.includes('✕ refused'))
  assert.ok(page.includes('rule app-not-running'))
  assert.ok(!page.includes('<table>'))
})

test('what is in the data is text, never a part of the page', () => {
  const odd = '</script><script>alert(1)</script>'
  const page = pageOf(
    { ...app, waits: odd },
    { ...data, kind: 'synthetic', rows: [{ id: odd }] },
    'n',
    maya,
  )
  assert.equal(page.match(/<script/g)?.length, 1)
})

test('a page that is open notices another kind of data, another owner, another end', () => {
  const shown = stateOf(app, data)
  assert.equal(stateOf(app, { ...data, rows: [] }), shown)
  for (const other of [
    stateOf(app, { ...data, kind: 'refused' }),
    stateOf({ ...app, ends: 'later' }, data),
  ])
    assert.notEqual(other, shown)
})

test('what `leasehold dev` says now goes before what the file said once', () => {
  assert.equal(readApp({ LEASEHOLD_OWNER: 'Tom' }).owner, 'Tom')
  assert.notEqual(readApp({}).name, '')
})

test('deployed it says so, in place of how it is started', () => {
  assert.match(readApp({}).waits, /leasehold dev/)
  assert.match(readApp({ LEASEHOLD_COMMIT: 'c0ffee' }).waits, /^Deployed/)
})
