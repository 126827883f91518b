/** The child process of template.ts: makes an empty migrated database in the folder it is given. */
import { closeSync, fchmodSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../../core/store/migrate.ts'
import { openPglite } from '../../core/store/pglite.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: make-template <folder>')
process.umask(0o077)
const store = await openPglite(folder)
await migrate(store)
// Nothing here ever makes a database of another: two thirds of what would be copied.
await store.query('update pg_database set datistemplate = false')
for (const name of ['template0', 'template1']) await store.query(`drop database ${name}`)
await store.close()
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
  if (entry.isFile()) settle(join(entry.parentPath, entry.name))

/** It is copied from then on: private whatever initdb made of it, and whole after a power cut. */
function settle(file: string): void {
  const at = openSync(file, 'r+')
  try {
    fchmodSync(at, 0o600)
    fsyncSync(at)
  } finally {
    closeSync(at)
  }
}
