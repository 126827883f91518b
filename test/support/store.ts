/** A migrated database in memory for tests, with the runtime role taken on as in production. */
import { migrate } from '../../src/core/store/migrate.ts'
import { openPglite } from '../../src/core/store/pglite.ts'
import type { Store } from '../../src/core/store/store.ts'

export async function memoryStore(): Promise<Store> {
  const store = await openPglite({ dataDir: null })
  await migrate(store)
  await store.query('set role leasehold_runtime')
  return store
}
