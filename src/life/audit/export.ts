/**
 * The remembered checkpoint: a file outside the database that tells at the next start whether the
 * database was put back. One that is ahead of the database, or was never its past, refuses to start
 * until somebody accepts the loss, and that is an entry.
 *
 * ATTACKER: who may delete the file as well as put back the database is not caught by it; the CLI's
 * and other people's copies of checkpoints are.
 */
import { randomBytes } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import type { ActorId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { type CheckpointWorld, signHead } from '../../core/ledger/checkpoint.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import type { Vkey } from '../../core/ledger/note.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { readHead } from '../../core/ledger/rows.ts'
import { isSame } from '../../core/ledger/tree.ts'
import { findInstallation, installationTable } from '../../core/people/rows.ts'
import type { Sql } from '../../core/store/store.ts'
import { type Checkpoint, openCheckpoint } from './open-note.ts'
import { rootOfFirst } from './proof.ts'

export const lossAccepted = entryKind('log.loss', 'accepted that the log lost entries')

/** Signs the log as it is and writes it to `file`: whole or not at all, readable by its owner alone. */
export async function exportCheckpoint(world: CheckpointWorld, file: string) {
  const signed = await signHead(world)
  await writeWhole(file, signed.note)
  return signed
}

/** What `file` remembers, once the database was seen to continue it; undefined when there is no file. */
export async function checkRemembered(sql: Sql, file: string, vkeys: readonly Vkey[]) {
  const remembered = await readRemembered(file, vkeys)
  if (remembered === undefined || (await continues(sql, remembered))) return remembered
  throw problemOf('checkpoint-not-continued', { size: remembered.size })
}

/**
 * Records that entries are gone and lets the database start, in a new epoch. The file is kept beside
 * itself, as what is left of them. Later checkpoints are inconsistent with what others remember, and
 * should be.
 */
export async function acceptLoss(
  world: LedgerWorld & CheckpointWorld,
  input: { readonly file: string; readonly vkeys: readonly Vkey[]; readonly by: ActorId },
): Promise<void> {
  const lost = await readRemembered(input.file, input.vkeys)
  if (lost === undefined || (await continues(world.store, lost)))
    throw problemOf('no-loss-to-accept')
  const head = await readHead(world.store)
  await recorded(world, async scope => {
    const remembered = { size: lost.size, root: Buffer.from(lost.root).toString('base64') }
    const found = { size: head.size, root: Buffer.from(head.root).toString('base64') }
    const before = await findInstallation(scope.tx)
    if (before !== undefined)
      await scope.save(installationTable, before, { ...before, epoch: before.epoch + 1 })
    scope.entry({ kind: lossAccepted, by: input.by, facts: { remembered, found } })
  })
  await rename(input.file, `${input.file}.lost-${lost.size}`)
  await exportCheckpoint(world, input.file)
}

async function continues(sql: Sql, remembered: Checkpoint): Promise<boolean> {
  const head = await readHead(sql)
  if (head.size < remembered.size) return false
  return isSame(await rootOfFirst(sql, remembered.size), remembered.root)
}

async function readRemembered(file: string, vkeys: readonly Vkey[]) {
  try {
    return openCheckpoint(await readFile(file, 'utf8'), vkeys)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, text, { flag: 'wx', mode: 0o600, flush: true })
  await rename(draft, file)
}
