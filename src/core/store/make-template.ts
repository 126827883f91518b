/** The child process of template.ts: makes an empty migrated database in the folder it is given. */
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from './migrate.ts'
import { openPglite } from './pglite.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: make-template <folder>')
process.umask(0o077)
const store = await openPglite(folder)
await migrate(store)
await store.close()
// It is kept and copied from then on: a power cut must not leave half of it behind.
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
  if (entry.isFile()) sync(join(entry.parentPath, entry.name))

function sync(file: string): void {
  const at = openSync(file, 'r+')
  try {
    fsyncSync(at)
  } finally {
    closeSync(at)
  }
}
