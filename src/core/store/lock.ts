/**
 * One process at a time: two that open one PGlite folder both succeed, and the writes of one vanish
 * without an error. The lock is the operating system's, taken by SQLite (part of Node) on an empty
 * file: it dies with the process on every platform, so there is nothing stale to judge or to remove.
 */
import { chmodSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Problem, problemOf } from '../base/problem.ts'

/** Locks this process holds. Referenced from here, or the collector would close them and let go. */
const held = new Set<DatabaseSync>()

/** Takes the folder or throws `Problem` `bad-configuration` naming who has it. Returns how to let go. */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'lock')
  makePrivate(file)
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    db.exec('pragma journal_mode = memory')
    db.exec('begin exclusive')
  } catch (cause) {
    db.close()
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw cause
    throw inUse(folder)
  }
  held.add(db)
  writeFileSync(join(folder, 'process'), `${process.pid}\n`, { mode: 0o600 })
  return () => {
    if (held.delete(db)) db.close()
  }
}

const SQLITE_BUSY = 5

/**
 * INVARIANT: nothing but SQLite opens this file once it is there. POSIX drops every lock a process
 * has on a file as soon as the process closes any descriptor of it.
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
    chmodSync(file, 0o600)
  }
}

function inUse(folder: string): Problem {
  const by = /^\d{1,10}$/.exec(readHolder(folder).trim())?.[0]
  return problemOf('folder-open-elsewhere', {
    process: by === undefined ? '' : ` (process ${by})`,
    folder,
    field: 'dataDir',
  })
}

/** Says who; never decides. */
function readHolder(folder: string): string {
  try {
    return readFileSync(join(folder, 'process'), 'utf8')
  } catch {
    return ''
  }
}
