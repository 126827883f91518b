import { createPublicKey, verify } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type HandClock, handClock } from '../../../test/support/clock.ts'
import { asOwner } from '../../../test/support/ledger.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { memoryStore } from '../../../test/support/store.ts'
import { newId, systemId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { isProblem, type Problem } from '../base/problem.ts'
import type { Store } from '../store/store.ts'
import { type Keys, openKeys, type SignUse } from './keys.ts'
import { thumbprint } from './pair.ts'
import type { KeyUse } from './rows.ts'
import { verifyKeyTable } from './table.ts'

let home: string
let store: Store
let clock: HandClock

beforeAll(async () => {
  store = await memoryStore()
})
afterAll(() => store.close())
beforeEach(async () => {
  await asOwner(store, ['truncate key, key_table'])
  home = mkdtempSync(join(tmpdir(), 'leasehold-test-'))
  clock = handClock()
})
afterEach(() => rmSync(home, { recursive: true }))

function open(source: { home?: string; kek?: string | null } = {}): Promise<Keys> {
  return openKeys({ store, clock }, { home, kek: null, installation: 'in_1', ...source })
}

async function rotate(keys: Keys, use: KeyUse, because: 'schedule' | 'compromise' = 'schedule') {
  const keyId = keys.keyId(use)
  const permit = testPermit('key.rotate', systemId('schedule'), keyId)
  const rotation = await store.transact(tx =>
    keys.rotateIn(tx, permit, { keyId, because }, clock.now()),
  )
  await keys.reload()
  return rotation
}

async function refused(work: Promise<unknown>): Promise<Problem> {
  const thrown: unknown = await work.then(
    value => value,
    (error: unknown) => error,
  )
  if (isProblem(thrown)) return thrown
  throw new Error(`not refused: ${inspect(thrown)}`)
}

function isSignedBy(keys: Keys, use: SignUse, signed: { kid: string; signature: Buffer }) {
  const found = keys.published(use).find(key => key.kid === signed.kid)
  if (found === undefined) return false
  const key = createPublicKey({ key: { ...found.jwk }, format: 'jwk' })
  return use === 'token'
    ? verify('sha256', Buffer.from('x'), { key, dsaEncoding: 'ieee-p1363' }, signed.signature)
    : verify(null, Buffer.from('x'), key, signed.signature)
}

const signUses: SignUse[] = ['ledger', 'certificate', 'token']

describe('the first start', () => {
  it('makes a key for each use, private files, and a table the root signed', async () => {
    const keys = await open()
    for (const use of signUses)
      expect(isSignedBy(keys, use, keys.sign(use, Buffer.from('x')))).toBe(true)
    for (const file of ['kek', 'root.key'])
      expect(statSync(join(home, file)).mode & 0o777).toBe(0o600)
    const { body, signature, rootFingerprint } = keys.table()
    const table = verifyKeyTable(body, signature, rootFingerprint)
    expect(table).toMatchObject({ serial: 1, installation: 'in_1' })
    expect(table.keys.map(key => `${key.use} ${key.state}`).toSorted()).toEqual([
      'certificate active',
      'ledger active',
      'root active',
      'token active',
      'token next',
    ])
  })

  it('makes private files whatever the umask', async () => {
    const before = process.umask(0)
    await open().finally(() => process.umask(before))
    for (const file of ['kek', 'root.key'])
      expect(statSync(join(home, file)).mode & 0o777).toBe(0o600)
  })

  it('happens once: the second opening has the same keys', async () => {
    const first = await open()
    const second = await open()
    expect(second.table()).toEqual(first.table())
    expect(second.tokenJwks()).toEqual(first.tokenJwks())
  })

  it('of two replicas at once makes one set of keys', async () => {
    const [one, two] = await Promise.all([open(), open()])
    expect(two.table()).toEqual(one.table())
  })

  it('that is undone leaves files and no keys, and the next one uses the files', async () => {
    const undone = store.transact(async tx => {
      const inside = { ...store, transact: <T>(work: (t: typeof tx) => Promise<T>) => work(tx) }
      await openKeys({ store: inside, clock }, { home, kek: null, installation: 'in_1' })
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    const root = readFileSync(join(home, 'root.key'), 'utf8')
    await open()
    expect(readFileSync(join(home, 'root.key'), 'utf8')).toBe(root)
  })

  it('writes down nothing that is secret', async () => {
    const keys = await open()
    const { d } = keys.tokenSigner().privateKey.export({ format: 'jwk' })
    const rows = await store.query('select * from key')
    const tables = await store.query('select * from key_table')
    const written = JSON.stringify([rows, tables])
    expect(d).toBeTruthy()
    expect(written).not.toContain(d)
    expect(written).not.toContain(readFileSync(join(home, 'kek'), 'utf8').trim())
    expect(JSON.stringify(keys)).toBe('{}')
    expect(inspect(keys, { depth: 9 })).not.toContain(d)
  })
})

describe('opening', () => {
  it('refuses without the key that sealed what is there, and makes no other', async () => {
    await open()
    rmSync(join(home, 'kek'))
    const problem = await refused(open())
    expect(problem).toMatchObject({ code: 'bad-configuration', field: 'LEASEHOLD_KEK' })
    expect(problem.detail).toContain(join(home, 'kek'))
    expect(existsSync(join(home, 'kek'))).toBe(false)
  })

  it('refuses another key than the one that sealed', async () => {
    await open()
    const other = Buffer.alloc(32, 7).toString('base64url')
    const problem = await refused(open({ kek: other }))
    expect(problem.detail).toContain('another key-encryption key')
    expect(inspect(problem)).not.toContain(other)
  })

  it('takes the key from the environment, in either alphabet, and then makes no file', async () => {
    const kek = Buffer.alloc(32, 0xfb)
    await open({ kek: kek.toString('base64url') })
    await open({ kek: kek.toString('base64') })
    expect(existsSync(join(home, 'kek'))).toBe(false)
  })

  it.each(['', 'short', `${'A'.repeat(42)}!`, 'A'.repeat(42), 'A'.repeat(44), 'A'.repeat(86)])(
    'refuses what is no key: %j',
    async kek => {
      const problem = await refused(open({ kek }))
      expect(problem.next).toContain('openssl rand')
      if (kek !== '') expect(problem.message).not.toContain(kek)
    },
  )

  it.each(['kek', 'root.key'])('refuses a file %s that others may read', async file => {
    await open()
    chmodSync(join(home, file), 0o640)
    const keys = file === 'kek' ? open() : open().then(opened => rotate(opened, 'ledger'))
    expect((await refused(keys)).next).toContain(`chmod 600 ${join(home, file)}`)
  })

  it('needs no root key: it may be far away', async () => {
    await open()
    rmSync(join(home, 'root.key'))
    expect((await open()).sign('ledger', Buffer.from('x')).signature).toHaveLength(64)
  })

  describe('refuses keys the root did not sign', () => {
    it.each<[string, (on: Store) => Promise<unknown>]>([
      [
        'a key that was added',
        on =>
          on.query(`insert into key (id, version, use, alg, public_jwk, state, starts_at, made_at)
               select 'ky_mine', 1, 'certificate', 'EdDSA', public_jwk || '{"x":"AAAA"}', 'retired', now(), now()
               from key where use = 'ledger'`),
      ],
      [
        'a public part that was replaced',
        on =>
          on.query(
            `update key set public_jwk = public_jwk || '{"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}' where use = 'ledger'`,
          ),
      ],
      ['a key that was removed', on => on.query(`delete from key where state = 'next'`)],
      [
        'a key that was brought back',
        on => on.query(`update key set state = 'retired' where use = 'ledger'`),
      ],
      [
        'a root that was replaced',
        on =>
          on.query(
            `update key set public_jwk = (select public_jwk from key where use = 'ledger') where use = 'root'`,
          ),
      ],
    ])('%s', async (_what, change) => {
      await open()
      await change(store)
      const problem = await refused(open())
      expect(problem).toMatchObject({ code: 'bad-configuration' })
      expect(problem.detail).toContain('not those the root key signed')
    })

    it('a private part moved to another key', async () => {
      await open()
      await store.query(
        `update key set sealed = (select sealed from key where use = 'ledger') where use = 'certificate'`,
      )
      expect((await refused(open())).log).toContain('tag')
    })
  })
})

describe('what is sealed', () => {
  it('opens at its place after a restart and nowhere else', async () => {
    const sealed = (await open()).seal(Buffer.from('a password'), 'target_config/tg_1/sealed')
    const keys = await open()
    expect(keys.unseal(sealed, 'target_config/tg_1/sealed').toString()).toBe('a password')
    expect(() => keys.unseal(sealed, 'target_config/tg_2/sealed')).toThrow(/can not be opened/)
  })

  it('by us for ourselves does not open for others', async () => {
    const keys = await open()
    const [row] = await store.query<{ id: string; sealed: string }>(
      `select id, sealed from key where use = 'ledger'`,
    )
    expect(() => keys.unseal(row?.sealed ?? '', `key/${row?.id}/sealed`)).toThrow(
      /can not be opened/,
    )
  })
})

describe('the secret of a lease', () => {
  it('is derived from lease and salt, the same after a restart, and long enough', async () => {
    const keys = await open()
    const lease = newId('lease')
    const salt = keys.newLeaseSalt()
    const secret = keys.leaseSecret(lease, salt)
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect((await open()).leaseSecret(lease, salt)).toBe(secret)
    expect(keys.leaseSecret(newId('lease'), salt)).not.toBe(secret)
    expect(keys.leaseSecret(lease, keys.newLeaseSalt())).not.toBe(secret)
    expect(() => keys.leaseSecret(lease, 'no key in it')).toThrow(/newLeaseSalt/)
  })

  it('of an old lease outlives a rotation; a new lease has a new key', async () => {
    const keys = await open()
    const lease = newId('lease')
    const salt = keys.newLeaseSalt()
    const secret = keys.leaseSecret(lease, salt)
    await rotate(keys, 'lease')
    expect(keys.leaseSecret(lease, salt)).toBe(secret)
    expect(keys.newLeaseSalt().split('.')[0]).not.toBe(salt.split('.')[0])
  })

  it('that its target made is kept sealed, for that lease alone', async () => {
    const keys = await open()
    const lease = newId('lease')
    const kept = keys.keepLeaseSecret(lease, 'made-there')
    expect(kept).not.toContain('made-there')
    expect((await open()).leaseSecret(lease, kept)).toBe('made-there')
    expect(() => keys.leaseSecret(newId('lease'), kept)).toThrow(/sealed value/)
  })
})

describe('a token key', () => {
  it('is published before it signs, and after it has signed for the last time', async () => {
    const keys = await open()
    const kids = () => keys.tokenJwks().keys.map(key => key.kid)
    const [first, second] = kids()
    expect(keys.tokenSigner().kid).toBe(first)
    clock.advance(limits.tokenKeyAheadMs)
    await rotate(keys, 'token')
    expect(keys.tokenSigner().kid).toBe(second)
    expect(kids().slice(0, 2)).toEqual([first, second])
    expect(kids()).toHaveLength(3)
    clock.advance(limits.tokenKeyOverlapMs)
    expect(kids()).not.toContain(first)
    expect(kids()).toHaveLength(2)
  })

  it('does not sign before verifiers can know it', async () => {
    const keys = await open()
    clock.advance(limits.tokenKeyAheadMs - 1)
    const problem = await refused(rotate(keys, 'token'))
    expect(problem).toMatchObject({
      code: 'wrong-state',
      next: expect.stringContaining('compromise'),
    })
    clock.advance(1)
    expect(await rotate(keys, 'token')).toMatchObject({ use: 'token', serial: 2 })
  })

  it('that is compromised is refused from the same moment', async () => {
    const keys = await open()
    const old = keys.tokenSigner().kid
    await rotate(keys, 'token', 'compromise')
    expect(keys.tokenJwks().keys.map(key => key.kid)).not.toContain(old)
    expect(keys.tokenSigner().kid).not.toBe(old)
    const [row] = await store.query(`select sealed, state from key where retired_at is not null`)
    expect(row).toEqual({ sealed: null, state: 'destroyed' })
  })

  it('is destroyed when nothing it signed is still good', async () => {
    const keys = await open()
    const first = keys.keyId('token')
    for (let n = 0; n < 2; n++) {
      clock.advance(Math.max(limits.tokenKeyAheadMs, limits.tokenKeyOverlapMs))
      await rotate(keys, 'token')
    }
    expect(await store.query('select state, sealed from key where id = $1', [first])).toEqual([
      { state: 'destroyed', sealed: null },
    ])
    expect(verifyKeyTable(...tableOf(keys)).keys.filter(key => key.use === 'token')).toHaveLength(4)
  })

  it('in the published set is a public key and nothing more', async () => {
    for (const key of (await open()).tokenJwks().keys) {
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
      expect(key.kid).toBe(thumbprint(key))
    }
  })
})

function tableOf(keys: Keys): [string, string, string] {
  const { body, signature, rootFingerprint } = keys.table()
  return [body, signature, rootFingerprint]
}

describe('a rotation', () => {
  it.each(['ledger', 'certificate'] as const)(
    'of the %s key keeps what was signed good and the old private part nowhere',
    async use => {
      const keys = await open()
      const before = keys.sign(use, Buffer.from('x'))
      const rotation = await rotate(keys, use)
      const after = keys.sign(use, Buffer.from('x'))
      expect(after.kid).not.toBe(before.kid)
      expect(isSignedBy(keys, use, before)).toBe(true)
      expect(isSignedBy(keys, use, after)).toBe(true)
      expect(verifyKeyTable(...tableOf(keys)).serial).toBe(2)
      const rows = await store.query('select sealed from key where id = $1', [rotation.retired.id])
      expect(rows).toEqual([{ sealed: null }])
      expect((await open()).table()).toEqual(keys.table())
    },
  )

  it('of what seals rows keeps old rows readable and seals new ones with the new key', async () => {
    const keys = await open()
    const old = keys.seal(Buffer.from('x'), 'a/b/c')
    await rotate(keys, 'seal-rows')
    const fresh = keys.seal(Buffer.from('x'), 'a/b/c')
    expect(fresh.split('.')[1]).not.toBe(old.split('.')[1])
    const again = await open()
    for (const sealed of [old, fresh]) expect(again.unseal(sealed, 'a/b/c').toString()).toBe('x')
  })

  it('of what seals our keys seals them all again and destroys the old one', async () => {
    const keys = await open()
    const before = keys.sign('ledger', Buffer.from('x'))
    const { retired, active, serial } = await rotate(keys, 'seal-keys')
    expect(serial).toBeNull()
    const by = await store.query<{ by: string }>(
      `select distinct split_part(sealed, '.', 2) as by from key
       where use not in ('seal-keys', 'seal-rows') and sealed is not null`,
    )
    expect(by).toEqual([{ by: active.id }])
    expect(await store.query('select sealed from key where id = $1', [retired.id])).toEqual([
      { sealed: null },
    ])
    const again = await open()
    expect(again.sign('ledger', Buffer.from('x'))).toEqual(before)
    await rotate(again, 'ledger')
  })

  it('needs the root key where the table changes, the right one, and changes nothing without', async () => {
    const keys = await open()
    const before = await store.query('select * from key order by id')
    renameSync(join(home, 'root.key'), join(home, 'moved'))
    const missing = await refused(rotate(keys, 'ledger'))
    expect(missing).toMatchObject({ code: 'bad-configuration' })
    expect(missing.detail).toContain('root.key')
    for (const text of [
      'not a key',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    ]) {
      writeFileSync(join(home, 'root.key'), text, { mode: 0o600 })
      expect((await refused(rotate(keys, 'ledger'))).detail).toContain('does not hold')
    }
    rmSync(join(home, 'root.key'))
    const stranger = mkdtempSync(join(home, 'stranger-'))
    const elsewhere = await memoryStore()
    await openKeys({ store: elsewhere, clock }, { home: stranger, kek: null, installation: 'x' })
    await elsewhere.close()
    renameSync(join(stranger, 'root.key'), join(home, 'root.key'))
    expect((await refused(rotate(keys, 'ledger'))).detail).toContain('not the root key')
    expect(await store.query('select * from key order by id')).toEqual(before)
    renameSync(join(home, 'moved'), join(home, 'root.key'))
    await rotate(keys, 'ledger')
  })

  it('does not sign what the database alone says', async () => {
    const keys = await open()
    await store.query(
      `insert into key (id, version, use, alg, public_jwk, state, starts_at, made_at)
       select 'ky_mine', 1, 'ledger', 'EdDSA', public_jwk || '{"x":"AAAA"}', 'retired', now(), now()
       from key where use = 'ledger'`,
    )
    expect((await refused(rotate(keys, 'certificate'))).detail).toContain(
      'not those the root key signed',
    )
  })

  it('asked for twice happens once', async () => {
    const keys = await open()
    const keyId = keys.keyId('ledger')
    const permit = testPermit('key.rotate', systemId('schedule'), keyId)
    const ask = () =>
      store.transact(tx => keys.rotateIn(tx, permit, { keyId, because: 'schedule' }, clock.now()))
    await ask()
    expect(await refused(ask())).toMatchObject({ code: 'wrong-state' })
    const unknown = newId('key')
    const other = testPermit('key.rotate', systemId('schedule'), unknown)
    const missing = store.transact(tx =>
      keys.rotateIn(tx, other, { keyId: unknown, because: 'schedule' }, clock.now()),
    )
    expect(await refused(missing)).toMatchObject({ code: 'not-found' })
  })

  it('needs a permit for that key', async () => {
    const keys = await open()
    const permit = testPermit('key.rotate', systemId('schedule'), keys.keyId('token'))
    const input = { keyId: keys.keyId('ledger'), because: 'schedule' } as const
    await expect(
      store.transact(async tx => keys.rotateIn(tx, permit, input, clock.now())),
    ).rejects.toThrow(/permit for key.rotate/)
  })

  it('of the root is not done while running', async () => {
    const keys = await open()
    expect((await refused(rotate(keys, 'root'))).code).toBe('wrong-state')
  })
})
