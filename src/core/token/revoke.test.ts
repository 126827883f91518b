import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { ciToken } from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { endWorld, issued, type TokenWorld, tokenWorld } from '../../../test/support/token-world.ts'
import { newId } from '../base/ids.ts'
import { findRow } from '../ledger/fact-table.ts'
import { closeTask } from '../task/close.ts'
import type { IssuedToken } from './exchange.ts'
import { revokeToken, sweepTokens } from './revoke.ts'
import { tokenTable } from './rows.ts'

let world: TokenWorld
let token: IssuedToken
let runs = 0
beforeAll(async () => {
  world = await tokenWorld()
})
afterAll(() => endWorld(world))
// Each test has a run, a task and a token of its own.
beforeEach(async () => {
  token = await issued(world, await ci())
})
const ci = () => ciToken(world, { run_id: String(++runs) })
const again = () => ciToken(world, { run_id: String(runs) })

const revoke = (tokenId = token.row.id) =>
  revokeToken(world, testPermit('token.revoke', world.run.id, tokenId), { tokenId })
const row = (id = token.row.id) => findRow(world.store, tokenTable, id)
const lastKinds = async (n: number) =>
  (
    await world.store.query<{ kind: string }>(
      'select kind from ledger_inbox order by id desc limit $1',
      [n],
    )
  ).map(({ kind }) => kind)
const close = (taskId = token.row.taskId) =>
  closeTask(world, testPermit('task.close', world.run.id, taskId), { taskId, because: 'done' })

test('a revoked token stays revoked, with one entry however often it is said', async () => {
  await revoke()
  expect(await row()).toMatchObject({ state: 'revoked', revokedAt: world.clock.now() })
  expect(world.replica.get(tokenTable, token.row.id)).toBeUndefined()
  const revoked = await row()
  world.clock.advance(1_000)
  await revoke()
  expect(await row()).toEqual(revoked)
  expect(await lastKinds(2)).toEqual(['token.revoke', 'token.exchange'])
})

test('a token that is not there is revoked already', async () => {
  await revoke(newId('token'))
  expect(await lastKinds(1)).toEqual(['token.exchange'])
})

test('revoking one token leaves its neighbour alone', async () => {
  const neighbour = await issued(world, await again())
  await revoke()
  expect((await row(neighbour.row.id))?.state).toBe('live')
})

test('a database that fails is never told as done', async () => {
  await world.store.query('reset role')
  await world.store.query(`create function stop() returns trigger language plpgsql as
    $$ begin raise exception 'stop'; end $$`)
  for (const [table, event] of [
    ['token', 'update'],
    ['ledger_inbox', 'insert'],
  ]) {
    await world.store.query(
      `create trigger stop before ${event} on ${table} for each row execute function stop()`,
    )
    await expect(revoke()).rejects.toThrow('stop')
    await world.store.query(`drop trigger stop on ${table}`)
    expect((await row())?.state).toBe('live')
    expect(world.replica.get(tokenTable, token.row.id)).toBeDefined()
  }
  await revoke()
  expect((await row())?.state).toBe('revoked')
})

test('a permit for one token revokes no other', async () => {
  const permit = testPermit('token.revoke', world.run.id, newId('token'))
  await expect(revokeToken(world, permit, { tokenId: token.row.id })).rejects.toThrow(/permit/)
})

test('tokens of a closed task are put away once, and those of an open one are not', async () => {
  const second = await issued(world, await again())
  const open = await issued(world, await again(), { purpose: 'refresh' })
  expect(await sweepTokens(world)).toBe(0)
  await close()
  expect(await sweepTokens(world)).toBe(1)
  expect(await lastKinds(1)).toEqual(['token.end'])
  for (const { row: each } of [token, second])
    expect(await row(each.id)).toMatchObject({ state: 'revoked', revokedAt: world.clock.now() })
  expect((await row(open.row.id))?.state).toBe('live')
  expect(await sweepTokens(world)).toBe(0)
})

test('a token that ran out before its task ended was not revoked', async () => {
  world.clock.set(token.row.expiresAt)
  await close()
  await sweepTokens(world)
  expect(await row()).toMatchObject({ state: 'expired', revokedAt: null })
})
