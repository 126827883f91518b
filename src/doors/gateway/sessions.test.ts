import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  attest,
  type Company,
  connectSales,
  expectStatus,
  makeAppWithGrant,
  startCompany,
} from '../../../test/journeys/company.ts'
import { isId } from '../../core/base/ids.ts'
import { findingTable } from '../../core/finding/rows.ts'
import { findLease, type LeaseRow } from '../../core/lease/rows.ts'
import { bounds } from './bounds.ts'
import { Sessions } from './sessions.ts'
import { decideSession } from './standing.ts'
import { over } from './tunnel.ts'
import { shadow } from './web/judge-call.ts'

let company: Company
let lease: LeaseRow
beforeAll(async () => {
  company = await startCompany({ target: true })
  await connectSales(company)
  await makeAppWithGrant(company, 'watched')
  const workload = company.as({ task: await attest(company, 'watched') })
  const ask = { resource: 'crm.deals', actions: ['read'] }
  const { body } = await expectStatus(201, workload('POST', '/v1/leases', ask))
  const { id } = body.lease
  if (!isId('lease', id)) throw new Error('a lease has an id')
  const row = await findLease(company.running.world.store, id)
  if (row === undefined) throw new Error('it was made just now')
  lease = row
}, 120_000)
afterAll(() => company?.stop())

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

/** One session, and a look at it on facts that are so old. */
function watch() {
  const facts = { ageMs: 0, regressed: false, position: 1 }
  const sessions = new Sessions({ ...company.running.world, freshness: () => facts })
  const cuts: string[] = []
  sessions.watch({ lease, cut: problem => cuts.push(problem.detail) })
  const look = (change: Partial<typeof facts>) => {
    Object.assign(facts, change)
    vi.advanceTimersByTime(bounds.tickMs)
  }
  return { cuts, sessions, look }
}

describe('an open session', () => {
  test('goes on while facts are old for as long as its decision says, and no longer', () => {
    const { cuts, look, sessions } = watch()
    // Decided on fresh facts; internal data may be read on for five minutes.
    for (const ageMs of [0, 11_000, 300_000, 310_000]) look({ ageMs })
    expect(cuts).toEqual([])
    look({ ageMs: 310_001 })
    expect(cuts).toEqual(['The facts this was decided on have grown too old.'])
    sessions.close(over('x'))
  })

  test('is not begun on old facts', () => {
    const { cuts, look, sessions } = watch()
    look({ ageMs: 10_001 })
    expect(cuts.length).toBeGreaterThan(0)
    sessions.close(over('x'))
  })

  test('is cut when the log went back, and when the server stops', () => {
    const { cuts, look, sessions } = watch()
    look({})
    expect(cuts).toEqual([])
    look({ regressed: true })
    expect(cuts).toHaveLength(1)
    sessions.close(over('The server is stopping.'))
    expect(cuts.at(-1)).toBe('The server is stopping.')
    const late: string[] = []
    sessions.watch({ lease, cut: problem => late.push(problem.detail) })
    expect(late).toEqual(['The server is stopping.'])
  })
})

test('a call that the two engines would answer otherwise is a finding, and one they agree on is none', async () => {
  const { world } = company.running
  const spool = { keep: async () => {}, settle: async () => {}, stop: async () => {} }
  const standing = decideSession(world, lease, { action: 'read', asked: 'tools/call search' })
  if (!standing.allowed) throw new Error('it may be read')
  const found = () =>
    world.replica.all(findingTable).filter(({ kind }) => kind === 'engine-differs')
  shadow({ ...world, spool }, standing.record)
  await world.settle()
  expect(found()).toEqual([])
  const bundle = world.policies()
  const engine = {
    ask: () => ({ allowed: false, rules: ['hold'], errors: [] }),
    isIn: (action: string, group: string) => bundle.engine.isIn(action, group),
  } as unknown as typeof bundle.engine
  shadow({ ...world, spool, policies: () => ({ ...bundle, engine }) }, standing.record)
  await vi.waitFor(async () => {
    await world.settle()
    expect(found()).toMatchObject([{ details: { differs: ['decision', 'reasons'] } }])
  })
})
