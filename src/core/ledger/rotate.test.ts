import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { handClock } from '../../../test/support/clock.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { memoryStore } from '../../../test/support/store.ts'
import { newId } from '../base/ids.ts'
import { openKeys } from '../keys/keys.ts'
import { verifyKeyTable } from '../keys/table.ts'
import type { Store } from '../store/store.ts'
import { isKnownKind } from './kind.ts'
import { Replica } from './replica.ts'
import { rotateKey } from './rotate.ts'

let store: Store
let home: string
beforeAll(async () => {
  store = await memoryStore()
  home = mkdtempSync(join(tmpdir(), 'leasehold-test-'))
})
afterAll(async () => {
  await store.close()
  rmSync(home, { recursive: true })
})

async function world() {
  const clock = handClock()
  const keys = await openKeys({ store, clock }, { home, kek: null, installation: 'in_1' })
  return { store, clock, keys, replica: new Replica(), poke: () => {} }
}

const person = newId('person')

it('a rotation is an entry that names both keys, the reason and the table, and no key', async () => {
  const here = await world()
  const keyId = here.keys.keyId('ledger')
  const before = here.keys.active('ledger')
  const permit = testPermit('key.rotate', person, keyId)
  const { active } = await rotateKey(here, permit, { keyId, because: 'schedule' })
  const rows = await store.query<{ kind: string; subjects: string[]; leaf: string; facts: string }>(
    'select kind, subjects, leaf, facts from ledger_inbox',
  )
  expect(rows).toHaveLength(1)
  const [entry] = rows
  expect(entry?.kind).toBe('key.rotate')
  expect(isKnownKind('key.rotate')).toBe(true)
  expect(entry?.subjects).toEqual([keyId, active.id])
  expect(JSON.parse(entry?.facts ?? '')).toMatchObject({
    use: 'ledger',
    because: 'schedule',
    retired: keyId,
    active: active.id,
    serial: 2,
  })
  expect(JSON.parse(entry?.leaf ?? '')).toMatchObject({
    actor: person,
    subjects: [
      { type: 'key', id: keyId, version: 2 },
      { type: 'key', id: active.id, version: 1 },
    ],
  })
  expect(entry?.facts).not.toContain(before.jwk.x)
  expect(here.keys.active('ledger').kid).not.toBe(before.kid)
})

it('one that fails is neither in the rows nor in the log, and the old key goes on', async () => {
  const here = await world()
  const count = () => store.query('select count(*) as n from ledger_inbox')
  const [entries, table] = [await count(), here.keys.table()]
  const keyId = here.keys.keyId('token')
  const permit = testPermit('key.rotate', person, keyId)
  const early = rotateKey(here, permit, { keyId, because: 'schedule' })
  await expect(early).rejects.toMatchObject({ code: 'wrong-state' })
  rmSync(join(home, 'root.key'))
  const rootless = rotateKey(here, permit, { keyId, because: 'compromise' })
  await expect(rootless).rejects.toMatchObject({ code: 'bad-configuration' })
  expect(await count()).toEqual(entries)
  await here.keys.reload()
  expect(here.keys.table()).toEqual(table)
  expect(here.keys.keyId('token')).toBe(keyId)
  expect(verifyKeyTable(table.body, table.signature, table.rootFingerprint).serial).toBe(2)
})
