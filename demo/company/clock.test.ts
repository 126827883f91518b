import { connect, createServer } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { parseInstant } from '../../src/core/base/time.ts'
import { type CompanyClock, startCompanyClock } from './clock.ts'
import { startShifted } from './shifted.ts'

const machineNow = Date.now
const from = parseInstant('2026-10-21T07:00:00Z')
const later = parseInstant('2026-10-22T07:00:00Z')
if (from === null || later === null) throw new Error('they are instants')
let clock: CompanyClock | undefined
afterEach(() => {
  clock?.restore()
  clock = undefined
})

test('the company’s time stands still until it is moved, for libraries too, and never goes back', () => {
  const own = (clock = startCompanyClock(from))
  expect([own.now(), new Date().toISOString(), Date.now()]).toEqual([from, from, Date.parse(from)])
  own.moveTo(later)
  expect(new Date().toISOString()).toBe(later)
  expect(() => own.moveTo(from)).toThrow('is over')
  expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z')
  expect(new Date(2026, 0, 2).getDate()).toBe(2)
})

test('it goes on from where it is, or with the machine, and can not be moved any more', () => {
  const own = (clock = startCompanyClock(from))
  own.run({ isMachines: false })
  expect(Math.abs(Date.now() - Date.parse(from))).toBeLessThan(5_000)
  expect(() => own.moveTo(later)).toThrow('is over')
  own.restore()
  const other = (clock = startCompanyClock(from))
  other.run({ isMachines: true })
  expect(other.behindMs()).toBe(0)
  expect(Math.abs(Date.now() - machineNow())).toBeLessThan(5_000)
})

test('a database behind the shift is told instants of its own time, and everything else as it was sent', async () => {
  const told: Buffer[] = []
  const server = createServer(socket => socket.on('data', (chunk: Buffer) => told.push(chunk)))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has a port')
  const shifted = await startShifted({ host: '127.0.0.1', port: address.port }, () => 86_400_000)
  const client = connect(shifted.port, '127.0.0.1')
  const start = Buffer.from([0, 0, 0, 8, 0, 3, 0, 0])
  const query = (text: string) => {
    const body = Buffer.from(`${text}\0`)
    const head = Buffer.alloc(5, 'Q')
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const first = query(`alter role r valid until '${from}'`)
  const second = query(`select '2026-10-21', "${from}"`)
  try {
    client.write(Buffer.concat([start, first, second]))
    const wanted = Buffer.concat([start, query(`alter role r valid until '${later}'`), second])
    await expect.poll(() => Buffer.concat(told).toString('latin1')).toBe(wanted.toString('latin1'))
  } finally {
    client.destroy()
    await shifted.stop()
    await new Promise<void>(done => server.close(() => done()))
  }
})
