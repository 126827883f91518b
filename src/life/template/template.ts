/**
 * Where an embedded database comes from: making one (initdb) takes seconds and 700 MB that stay with
 * the process, copying one a moment. So a child makes it once, and each new folder gets a copy.
 *
 * The copy is kept beside the packages under the hash of everything it was made from; a stale one is
 * never found, and `migrate` reads what was applied in any case. Where it can not be kept, the child
 * makes the database in place.
 */
import { execFile } from 'node:child_process'
import { constants, existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sha256Hex } from '../../core/base/hash.ts'
import { canonicalJson } from '../../core/base/json.ts'
import { Problem, problemOf } from '../../core/base/problem.ts'
import { readSchema } from '../../core/store/migrate.ts'

const keptDays = 7
const besidePackages = join(import.meta.dirname, '../../../node_modules/.cache/leasehold')

/** Makes `folder` an empty migrated database, unless it is one already. Whole or not at all. */
export async function placeTemplate(folder: string, kept = besidePackages): Promise<void> {
  if (existsSync(folder)) return
  const draft = `${folder}.new`
  await rm(draft, { recursive: true, force: true })
  const template = await keptTemplate(kept)
  if (template === null) await makeInChild(draft)
  else await cp(template, draft, { recursive: true, mode: constants.COPYFILE_FICLONE })
  await rename(draft, folder)
}

/** The kept template, made first where it is missing; null where nothing can be kept. */
async function keptTemplate(kept: string): Promise<string | null> {
  const template = join(kept, templateName())
  if (existsSync(template)) return template
  try {
    await mkdir(kept, { recursive: true, mode: 0o700 })
    const draft = join(await mkdtemp(join(kept, 'draft-')), 'pgdata')
    await makeInChild(draft)
    // Two at once: the first stays, both are the same.
    await rename(draft, template).catch(() => {})
    await rm(dirname(draft), { recursive: true, force: true })
    await forgetOthers(kept, template)
    return existsSync(template) ? template : null
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown
    return null
  }
}

function templateName(): string {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'))
  const { version } = JSON.parse(
    readFileSync(join(dirname(dirname(entry)), 'package.json'), 'utf8'),
  ) as { version: string }
  const { migrations, roles } = readSchema()
  const made = { version, migrations, roles, by: 3 }
  return `template-${sha256Hex(canonicalJson(made)).slice(0, 32)}`
}

/** Templates of other versions go after a while; somebody may be copying a younger one. */
async function forgetOthers(kept: string, template: string): Promise<void> {
  const old = Date.now() - keptDays * 24 * 3600 * 1000
  for (const name of await readdir(kept)) {
    const path = join(kept, name)
    if (path !== template && (await stat(path)).mtimeMs < old)
      await rm(path, { recursive: true, force: true })
  }
}

/** A process of its own: the memory that making takes goes back when it ends. */
async function makeInChild(folder: string): Promise<void> {
  const script = join(import.meta.dirname, 'make-template.ts')
  const env = { PATH: process.env['PATH'] ?? '' }
  try {
    await promisify(execFile)(process.execPath, [script, folder], { env })
  } catch (thrown) {
    const log = String((thrown as { stderr?: string }).stderr).slice(-2_000)
    throw problemOf('embedded-database-not-made', { folder, log })
  }
}
