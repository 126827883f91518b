// What the job says: which kind of data it read, and a refusal as one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Data } from '../src/data.ts'
import { reportOf } from '../src/report.ts'

const data: Data = {
  kind: 'real',
  resource: 'crm.deals',
  columns: ['id'],
  rows: [{ id: '1' }],
  says: '',
}

test('rows are counted, with what kind they are', () => {
  assert.equal(reportOf(data), '● real data: 1 rows of crm.deals (id)')
  assert.match(reportOf({ ...data, kind: 'synthetic' }), /^▲ synthetic data: 1 rows/)
})

test('a refusal is no empty report', () => {
  const said = reportOf({ ...data, kind: 'refused', rows: [], says: 'rule app-not-running' })
  assert.match(said, /^✕ crm\.deals was refused: rule app-not-running/)
})
