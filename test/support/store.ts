/**
 * A migrated embedded database of its own for a test, as the runtime role: what production opens, in
 * a folder of the temporary directory that goes away at `close` or with the process.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/core/store/open.ts'
import type { Store } from '../../src/core/store/store.ts'
import { placeTemplate } from '../../src/life/template/template.ts'

export async function memoryStore(): Promise<Store> {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-test-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const store = await openStore({ dataDir: folder, place: placeTemplate })
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

/** Files below a path that others on this machine may read or write. */
export async function openToOthers(path: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    if (((await stat(file)).mode & 0o077) !== 0) found.push(file)
  }
  return found
}
