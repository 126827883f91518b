/**
 * PGlite: PostgreSQL 18 in this process, for a laptop. Safe across a killed process, not across power
 * loss (it never syncs the disk). Its one session serves everyone in turn.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PGlite, type Transaction } from '@electric-sql/pglite'
import { assert, problemOf } from '../base/problem.ts'
import { beginText, instantFromText, oids, type Send, safeInteger, txOver } from './driver.ts'
import { translate } from './fault.ts'
import type { Store } from './store.ts'

/** Opens (or makes) a database in `folder` with the owner's rights. */
export async function openPglite(folder: string): Promise<Store> {
  try {
    const db = await PGlite.create({
      dataDir: folder,
      startParams: [...PGlite.defaultStartParams, ...settings],
      initDbStartParams: ['--wal-segsize=1'],
      parsers: { [oids.timestamptz]: instantFromText, [oids.bigint]: safeInteger },
    })
    return pgliteStore(db)
  } catch (cause) {
    throw problemOf('embedded-database-not-opened', {
      folder,
      log: cause instanceof Error ? cause.message : '',
    })
  }
}

// 128 MB of buffers would all stay resident; 16 MB measured as fast.
const settings = '-c shared_buffers=16MB -c timezone=UTC -c datestyle=ISO'.split(' ')

function pgliteStore(db: PGlite): Store {
  // One session: whoever asks it inside a transaction for anything but `tx` waits for himself.
  const inside = new AsyncLocalStorage<{ isOpen: boolean }>()
  const refuseInside = () =>
    assert(inside.getStore()?.isOpen !== true, 'inside a transaction only `tx` is asked')
  const send = sendBy(db)
  const store: Store = {
    query: async <Row>(text: string, params: readonly unknown[] = []) => {
      refuseInside()
      return send<Row>(text, params)
    },
    async transact(work, options = {}) {
      refuseInside()
      const state = { isOpen: true }
      try {
        return await inside.run(state, () =>
          db.transaction(async tx => {
            const begin = beginText('set transaction', options)
            if (begin !== '') await tx.exec(begin)
            const send = sendBy(tx)
            const ours = txOver(send, send)
            const value = await work(ours.tx)
            for (const run of ours.last) await run()
            return value
          }),
        )
      } catch (thrown) {
        throw translate(thrown)
      } finally {
        state.isOpen = false
      }
    },
    listen: async (channel, wake) => db.listen(channel, wake),
    get ending() {
      return store
    },
    tend: async () => {
      await store.query('vacuum analyze')
    },
    close: () => db.close(),
  }
  return store
}

function sendBy(db: PGlite | Transaction): Send {
  return async <Row>(text: string, params: readonly unknown[]) => {
    try {
      return (await db.query<Row>(text, [...params])).rows
    } catch (thrown) {
      throw translate(thrown)
    }
  }
}
