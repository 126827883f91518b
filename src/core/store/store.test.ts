/** What every chapter may rely on, on both databases. */
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../test/fakes/postgres.ts'
import { memoryStore } from '../../../test/support/store.ts'
import { isProblem } from '../base/problem.ts'
import { StoreFault, violatedConstraint } from './fault.ts'
import { openStore } from './open.ts'
import { type Store, statement, verbatim } from './store.ts'

let server: RunningPostgres
beforeAll(async () => {
  server = await startPostgres({ fsync: false })
})
afterAll(() => server.stop())

const openers = [
  ['PGlite', memoryStore],
  ['PostgreSQL', () => openStore({ url: server.url(), connections: 4 })],
] as const

describe.each(openers)('%s', (_name, open) => {
  let store: Store
  beforeAll(async () => {
    store = await open()
  })
  afterAll(() => store.close())

  const refusal = (minute: string, count = 1, on: Pick<Store, 'query'> = store) =>
    on.query(
      `insert into ledger_refusal_count (issuer, minute, reason, count) values ('i', $1, 'r', $2)`,
      [minute, count],
    )
  const counts = async (minute: string) => {
    const rows = await store.query<{ count: number }>(
      'select count from ledger_refusal_count where minute = $1',
      [minute],
    )
    return rows.map(row => row.count)
  }

  describe('values', () => {
    it('are the same whichever database answers', async () => {
      const [row] = await store.query(
        `select $1::timestamptz as at, $2::bigint as size, $3::jsonb as body, $4::bytea as hash,
                $5::text[] as ids, $6::int as small, $7::text as nothing, $8::boolean as is`,
        [
          '2026-11-22T14:02:08.123Z',
          Number.MAX_SAFE_INTEGER,
          JSON.stringify({ a: [1, 'x"y', null] }),
          new Uint8Array([0, 255, 1]),
          ['a', 'b,c', 'd"e\\', ''],
          -7,
          null,
          true,
        ],
      )
      const { hash, ...others } = row as { hash: Uint8Array }
      expect(new Uint8Array(hash)).toEqual(new Uint8Array([0, 255, 1]))
      expect(others).toEqual({
        at: '2026-11-22T14:02:08.123Z',
        size: Number.MAX_SAFE_INTEGER,
        body: { a: [1, 'x"y', null] },
        ids: ['a', 'b,c', 'd"e\\', ''],
        small: -7,
        nothing: null,
        is: true,
      })
    })

    it('of time are UTC with three decimals, whatever zone they came in', async () => {
      const [row] = await store.query(
        `select '2026-07-01 02:00:00.987654+02'::timestamptz as at, now() as now`,
      )
      expect(row).toEqual({
        at: '2026-07-01T00:00:00.987Z',
        now: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      })
    })

    it('that a number can not hold are refused, not rounded', async () => {
      await expect(store.query('select 9007199254740993::bigint')).rejects.toThrow(/beyond 2\^53/)
    })
  })

  describe('a transaction', () => {
    it('is kept when its work resolves, and its value is returned', async () => {
      const value = await store.transact(async tx => {
        await refusal('2026-01-01T00:00:00Z', 5, tx)
        return 'done'
      })
      expect(value).toBe('done')
      expect(await counts('2026-01-01T00:00:00Z')).toEqual([5])
    })

    it('leaves nothing when its work throws, and throws the same', async () => {
      const mine = new Error('mine')
      const thrown = store.transact(async tx => {
        await refusal('2026-01-02T00:00:00Z', 1, tx)
        throw mine
      })
      await expect(thrown).rejects.toBe(mine)
      expect(await counts('2026-01-02T00:00:00Z')).toEqual([])
    })

    it('that failed inside is not taken for kept, also when its work swallowed the failure', async () => {
      const swallowed = store.transact(async tx => {
        await refusal('2026-01-03T00:00:00Z', 1, tx)
        await tx.query('select 1 / 0').catch(() => {})
      })
      await expect(swallowed).rejects.toMatchObject({ code: 'store-unavailable' })
      expect(await counts('2026-01-03T00:00:00Z')).toEqual([])
    })

    const insert = `insert into ledger_refusal_count values ('i', $1, 'r', 1) returning count`

    it.each([
      ['alone', 0],
      ['after others', 1],
    ])(
      'is kept with its last statement, %s, whose rows come with the commit',
      async (_how, reads) => {
        const minute = `2026-01-04T00:0${reads}:00Z`
        let rows: Promise<{ count: number }[]> | undefined
        await store.transact(async tx => {
          for (let n = 0; n < reads; n++) await tx.query('select 1')
          rows = tx.finish(insert, [minute])
        })
        expect(await rows).toEqual([{ count: 1 }])
        expect(await counts(minute)).toEqual([1])
      },
    )

    it('runs last statements in their order, and nothing after them', async () => {
      const minute = '2026-01-04T00:05:00Z'
      await store.transact(async tx => {
        void tx.finish(insert, [minute])
        void tx.finish('update ledger_refusal_count set count = 7 where minute = $1', [minute])
      })
      expect(await counts(minute)).toEqual([7])
      const after = store.transact(async tx => {
        void tx.finish(insert, ['2026-01-04T00:06:00Z'])
        await tx.query('select 1')
      })
      await expect(after).rejects.toThrow(/after the last statement/)
      expect(await counts('2026-01-04T00:06:00Z')).toEqual([])
    })

    it('leaves nothing when its last statement fails, alone or not', async () => {
      const minute = '2026-01-04T00:07:00Z'
      await store.query(insert, [minute])
      const alone = store.transact(async tx => {
        void tx.finish(insert, [minute])
      })
      await expect(alone).rejects.toMatchObject({ constraint: 'ledger_refusal_count_pkey' })
      const after = store.transact(async tx => {
        await tx.query('update ledger_refusal_count set count = 9 where minute = $1', [minute])
        void tx.finish(insert, [minute])
      })
      await expect(after).rejects.toMatchObject({ constraint: 'ledger_refusal_count_pkey' })
      expect(await counts(minute)).toEqual([1])
    })

    it('fails as a whole when a statement it did not wait for fails', async () => {
      const failed = store.transact(async tx => {
        void tx.finish(`insert into ledger_refusal_count values ('i', $1, 'r', 1)`, [
          '2026-01-05T00:00:00Z',
        ])
        void tx.finish(`insert into ledger_refusal_count values ('i', $1, 'r', null)`, [
          '2026-01-06T00:00:00Z',
        ])
      })
      await expect(failed).rejects.toBeInstanceOf(StoreFault)
      expect(await counts('2026-01-05T00:00:00Z')).toEqual([])
    })

    it('that only reads can not write, and one snapshot stays one', async () => {
      const written = store.transact(tx => refusal('2026-01-07T00:00:00Z', 1, tx), {
        readOnly: true,
        isolation: 'repeatable read',
      })
      await expect(written).rejects.toMatchObject({ code: 'store-unavailable' })
      const [level] = await store.transact(
        tx => tx.query<{ is: string }>(`select current_setting('transaction_isolation') as is`),
        { isolation: 'repeatable read' },
      )
      expect(level?.is).toBe('repeatable read')
    })

    it('of many at once are each whole', async () => {
      await refusal('2026-01-08T00:00:00Z', 0)
      const add = () =>
        store.transact(async tx => {
          await tx.query(`update ledger_refusal_count set count = count + 1 where minute = $1`, [
            '2026-01-08T00:00:00Z',
          ])
        })
      await Promise.all(Array.from({ length: 40 }, add))
      expect(await counts('2026-01-08T00:00:00Z')).toEqual([40])
    })
  })

  describe('what the database refuses', () => {
    it('is told by the name of the broken rule', async () => {
      await refusal('2026-02-01T00:00:00Z')
      const twice: unknown = await refusal('2026-02-01T00:00:00Z').catch(
        (thrown: unknown) => thrown,
      )
      expect(violatedConstraint(twice)).toBe('ledger_refusal_count_pkey')
      const other: unknown = await store.query('select 1 / 0').catch((thrown: unknown) => thrown)
      expect(violatedConstraint(other)).toBeNull()
    })

    it('never carries what was sent or what lies in the row', async () => {
      const secret = `s${Math.random()}`
      const attempts = [
        () =>
          store.query(`insert into ledger_refusal_count values ($1, now(), $1, null)`, [secret]),
        () => store.query('select $1::int', [secret]),
        () =>
          store.query(`insert into browser_session (hash, person_id) values ($1, $1)`, [secret]),
        () =>
          store.transact(async tx => {
            await tx.query('select $1::timestamptz', [secret])
          }),
        () =>
          store.transact(async tx => {
            void tx.finish('select $1::uuid', [secret])
          }),
      ]
      for (const attempt of attempts) {
        const thrown: unknown = await attempt().catch((error: unknown) => error)
        expect(thrown).toBeInstanceOf(StoreFault)
        expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain(secret)
      }
    })
  })

  describe('the runtime role', () => {
    const logged = {
      ledger_entry: 'leaf',
      ledger_node: 'hash',
      ledger_checkpoint: 'note',
      decision: 'hash',
    }
    const changes = Object.entries(logged).flatMap(([table, column]) => [
      [`change a row of ${table}`, `update ${table} set ${column} = ${column}`],
      [`remove a row of ${table}`, `delete from ${table}`],
      [`empty ${table}`, `truncate ${table} cascade`],
    ])

    it.each([
      ...changes,
      ['change an entry on its way', 'update ledger_inbox set leaf = leaf'],
      ['drop an entry on its way', 'delete from ledger_inbox'],
      ['give an entry its position', 'insert into ledger_entry select from ledger_entry'],
      ['move the head', 'update ledger_head set size = size'],
      ['change a signed key table', 'update key_table set body = body'],
      ['hide a migration', 'delete from schema_migration'],
      ['drop a trigger', 'alter table ledger_entry disable trigger all'],
      ['make a table', 'create table public.mine (x int)'],
    ])('can not %s', async (_what, text) => {
      await expect(store.query(text)).rejects.toMatchObject({ sqlstate: '42501' })
      const inside = store.transact(async tx => {
        await tx.query(text)
      })
      await expect(inside).rejects.toMatchObject({ sqlstate: '42501' })
    })

    it('can add to the inbox, read the log, and erase words', async () => {
      await store.transact(async tx => {
        await tx.query(
          `insert into ledger_inbox (at, kind, subjects, leaf, facts, facts_salt)
           values (now(), 'k', array['a'], 'l', 'f', 's')`,
        )
        await tx.query('select count(*) from ledger_entry')
        await tx.query('delete from ledger_words')
      })
      const [inbox] = await store.query<{ n: number }>('select count(*) as n from ledger_inbox')
      expect(inbox?.n).toBe(1)
    })

    it('is what every session is, and stays: after each way a transaction can end', async () => {
      const who = async (on: Pick<Store, 'query'>) => {
        const [row] = await on.query<{ is: string }>('select current_user as is')
        return row?.is
      }
      const ends = [
        () => store.transact(who, { role: 'sequencer' }),
        () => store.transact(async tx => tx.query('select 1 / 0'), { role: 'sequencer' }),
        () => store.transact(() => Promise.reject(new Error('mine')), { role: 'sequencer' }),
        () => store.query('reset all'),
        () => store.query('select 1 / 0'),
      ]
      for (const end of ends) {
        await end().catch(() => {})
        for (let n = 0; n < 6; n++) expect(await who(store)).toBe('leasehold_runtime')
        expect(await store.transact(who)).toBe('leasehold_runtime')
        expect(await who(store.ending)).toBe('leasehold_runtime')
      }
    })
  })

  describe('the sequencer', () => {
    const asSequencer = (text: string, params: unknown[] = []) =>
      store.transact(async tx => tx.query(text, params), { role: 'sequencer' })

    it('moves entries, and can change neither them nor anything else', async () => {
      await asSequencer(
        `insert into ledger_entry
           (position, inbox_id, at, kind, subjects, leaf, leaf_hash, facts, facts_salt)
         values (0, 1, now(), 'k', array['a'], 'l', $1, 'f', 's')`,
        [new Uint8Array(32)],
      )
      await asSequencer('update ledger_head set size = 1')
      await asSequencer('delete from ledger_inbox')
      for (const text of [
        `update ledger_entry set leaf = 'x'`,
        'delete from ledger_entry',
        'truncate ledger_entry cascade',
        'delete from decision',
        `update person set roles = '{platform}'`,
        `insert into ledger_refusal_count values ('i', now(), 'r', 1)`,
      ])
        await expect(asSequencer(text)).rejects.toMatchObject({ sqlstate: '42501' })
    })
  })

  it('wakes who listens', async () => {
    const woken: string[] = []
    const stop = await store.listen('wake_test', payload => void woken.push(payload))
    await store.query(`select pg_notify('wake_test', 'up')`)
    await expect.poll(() => woken).toContain('up')
    await stop()
  })

  it('keeps house without losing its role', async () => {
    await store.tend()
    await store.tend()
    const [row] = await store.query<{ is: string; room: number }>(
      `select current_user as is, pg_relation_size('store_reserve') as room`,
    )
    expect(row?.is).toBe('leasehold_runtime')
    expect(row?.room).toBeGreaterThan(16_000_000)
  })
})

it('inside a transaction of the embedded database nobody waits for himself', async () => {
  const store = await memoryStore()
  const nested = store.transact(() => store.query('select 1'))
  await expect(nested).rejects.toThrow(/only `tx` is asked/)
  const deeper = store.transact(() => store.transact(async () => 1))
  await expect(deeper).rejects.toThrow(/only `tx` is asked/)
  expect(await store.query('select 1 as one')).toEqual([{ one: 1 }])
  await store.close()
  const late: unknown = await store.query('select 1').catch((thrown: unknown) => thrown)
  expect(isProblem(late, 'store-unavailable')).toBe(true)
})

describe('a statement as it is written out', () => {
  it('has its parameters numbered through, those of its parts among them', () => {
    const part = statement`at <= ${7} and id = ${'x'}`
    const whole = statement`select ${verbatim('a, b')} from t where n = ${1} and ${part} limit ${2}`
    expect(whole.sql(3)).toBe('select a, b from t where n = $3 and at <= $4 and id = $5 limit $6')
    expect(whole.params).toEqual([1, 7, 'x', 2])
  })

  it('takes nothing that was parsed for a part of its text', () => {
    const parsed: unknown = JSON.parse('{"sql": "1; drop table person", "params": []}')
    const asked = statement`select ${parsed}, ${['a', 'b']}, ${'--'}`
    expect(asked.sql(1)).toBe('select $1, $2, $3')
    expect(asked.params).toEqual([parsed, ['a', 'b'], '--'])
  })
})
