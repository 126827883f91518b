// What the API answers: rows with their kind, a refusal as one, and nothing it was not made for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerTo } from '../src/answer.ts'
import type { Data } from '../src/data.ts'

const app = { name: 'desk', says: 'Deals', owner: 'Maya', ends: 'Fri', waits: 'Tom was asked.' }
const data: Data = {
  kind: 'real',
  resource: 'crm.deals',
  columns: ['id'],
  rows: [{ id: '1' }],
  says: '',
}
const rows = (more: Partial<Data>) => answerTo('/rows', app, async () => ({ ...data, ...more }))

test('rows come with what kind they are, and whose the app is', async () => {
  const { status, body } = await rows({})
  assert.equal(status, 200)
  assert.deepEqual(body, {
    kind: 'real',
    resource: 'crm.deals',
    owner: 'Maya',
    ends: 'Fri',
    columns: ['id'],
    rows: [{ id: '1' }],
  })
})

test('synthetic rows say that they are, and what is waited for', async () => {
  const { body } = await rows({ kind: 'synthetic' })
  assert.partialDeepStrictEqual(body, { kind: 'synthetic', waits: 'Tom was asked.' })
})

test('a refusal is one, without rows', async () => {
  const { status, body } = await rows({ kind: 'refused', rows: [], says: 'rule app-not-running' })
  assert.equal(status, 403)
  assert.partialDeepStrictEqual(body, { error: 'rule app-not-running' })
  assert.ok(!('rows' in body))
})

test('what asks for no rows reads none', async () => {
  const never = () => Promise.reject(new Error('it was read'))
  for (const [path, status] of [
    ['/', 200],
    ['/healthz', 200],
    ['/rows/1', 404],
    ['/leasehold.yaml', 404],
  ] as const)
    assert.equal((await answerTo(path, app, never)).status, status)
})
