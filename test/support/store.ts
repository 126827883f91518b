/**
 * A migrated embedded database of its own for a test, as the runtime role: what production opens, in
 * a folder of the temporary directory that goes away at `close` or with the process.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/core/store/open.ts'
import type { Store } from '../../src/core/store/store.ts'

export async function memoryStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-test-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const store = await openStore({ dataDir: folder })
  return {
    ...store,
    ending: store.ending,
    async close() {
      await store.close()
      remove()
      process.off('exit', remove)
    },
  }
}
