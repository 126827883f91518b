// Which data the app has: synthetic until a door was opened for it, and never in place of what was refused.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { loadData } from '../src/data.ts'
import { syntheticRows } from '../src/synthetic.ts'

test('without access there are synthetic rows, the same each time', async () => {
  const [data, again] = [await loadData({}), await loadData({})]
  assert.equal(data.kind, 'synthetic')
  assert.equal(data.rows.length, 20)
  assert.deepEqual(data, again)
})

test('synthetic rows have each column, and no address anybody reads', () => {
  const [row] = syntheticRows(['id', 'contact_email', 'amount', 'opened_on', 'stage', 'title'], 1)
  assert.deepEqual(Object.keys(row ?? {}), [
    'id',
    'contact_email',
    'amount',
    'opened_on',
    'stage',
    'title',
  ])
  assert.match(row?.['contact_email'] ?? '', /@example\.com$/)
  assert.match(row?.['stage'] ?? '', /^[a-z]+$/)
})

test('what the database refuses is said as it said it, and nothing synthetic stands in for it', async () => {
  const fields = 'SFATAL\0C28000\0Mrule app-not-running: it is paused.\0\0'
  const size = Buffer.alloc(4)
  size.writeInt32BE(fields.length + 4)
  const door = createServer(socket =>
    socket.on('error', () => {}).end(Buffer.concat([Buffer.from('E'), size, Buffer.from(fields)])),
  )
  await once(door.listen(0, '127.0.0.1'), 'listening')
  const { port } = door.address() as AddressInfo
  const data = await loadData({ DATABASE_URL: `postgresql://a:b@127.0.0.1:${port}/x` })
  door.close()
  assert.equal(data.kind, 'refused')
  assert.equal(data.says, 'rule app-not-running: it is paused.')
  assert.deepEqual(data.rows, [])
})

test('a door that is not there is tried again, then said', async () => {
  const start = performance.now()
  const data = await loadData({ DATABASE_URL: 'postgresql://a:b@127.0.0.1:1/x' })
  assert.equal(data.kind, 'refused')
  assert.ok(performance.now() - start > 1000)
})
