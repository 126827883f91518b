/** The child process of template.ts: makes an empty migrated database in the folder it is given. */
import { migrate } from './migrate.ts'
import { openPglite } from './pglite.ts'

const folder = process.argv[2]
if (folder === undefined) throw new Error('usage: make-template <folder>')
process.umask(0o077)
const store = await openPglite(folder)
await migrate(store)
await store.close()
