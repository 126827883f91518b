/**
 * Files we keep for a person, and for one run. INVARIANT: 0600 in folders 0700, whatever the umask; nobody else's
 * file is believed; a file is replaced whole or not at all.
 */
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from './host.ts'
import { failed, type Problem, usage } from './problem.ts'

/** Longer than any call made under the lock. */
const lockMs = 30_000

/** `$XDG_CONFIG_HOME/leasehold`, else `~/.config/leasehold`. */
export function configFolder(env: Host['env']): string {
  const set = env['XDG_CONFIG_HOME'] ?? ''
  return join(isAbsolute(set) ? set : join(env['HOME'] ?? homedir(), '.config'), 'leasehold')
}

/** Undefined where there is none. Refuses one that belongs to somebody else, or is a link. */
export function readPrivate(file: string): string | undefined {
  try {
    const handle = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0))
    try {
      const own = process.getuid?.() ?? 0
      const { uid, mode } = fs.fstatSync(handle)
      if (uid !== own) throw new Error('it belongs to another user')
      if ((mode & 0o077) !== 0 && process.platform !== 'win32') fs.fchmodSync(handle, 0o600)
      return fs.readFileSync(handle, 'utf8')
    } finally {
      fs.closeSync(handle)
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unusable(file, error)
  }
}

/** Beside it first, then in its place at once. Only under the lock. */
export function writePrivate(file: string, text: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  fs.writeFileSync(draft, text, { flag: 'wx', mode: 0o600 })
  fs.renameSync(draft, file)
}

/** One process at a time: a refresh token may be used once. A dead one's lock is taken over. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  try {
    const made = fs.mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    if (made !== undefined) fs.chmodSync(dirname(file), 0o700)
    for (const start = performance.now(); !tryLock(lock); await sleep(50))
      if (performance.now() - start > 2 * lockMs) throw new Error('another command holds it')
  } catch (error) {
    throw unusable(lock, error)
  }
  try {
    return await work()
  } finally {
    fs.rmSync(lock, { force: true })
  }
}

function tryLock(lock: string): boolean {
  try {
    fs.writeFileSync(lock, '', { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const { mtimeMs = Date.now() } = fs.statSync(lock, { throwIfNoEntry: false }) ?? {}
    if (Date.now() - mtimeMs > lockMs) fs.rmSync(lock, { force: true })
    return false
  }
}

/** A file of any kind; its size is looked at before it is read. The server takes no larger one. */
export function readBytes({ cwd }: Host, file: string) {
  const [path, most] = [resolve(cwd, file), 5 * 1024 * 1024]
  const stat = fs.statSync(path, { throwIfNoEntry: false })
  if (stat?.isFile() !== true)
    throw usage(`There is no file ${file}.`, 'Name a file that is there.')
  if (stat.size > 0 && stat.size <= most) return fs.readFileSync(path)
  throw usage(`The file ${file} has ${stat.size} bytes, of 1 to ${most}.`, 'Name a smaller file.')
}

/** What a person named: rules, a manifest, a certificate. Exactly its letters, or a complaint. */
export function readText({ cwd }: Host, file: string): string {
  try {
    const bytes = fs.readFileSync(resolve(cwd, file))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw usage(`The file ${file} can not be read.`, 'Name a file that is there, and is text.')
  }
}

/** The type of a folder in memory, `TMPFS_MAGIC` in statfs(2). */
const tmpfs = 0x01_02_19_94

export type Folder = ReturnType<typeof runFolder>

/** Of one run alone, from the first file on until `remove`; in memory where there is such a place. */
export function runFolder(env: Host['env'], shared = '/dev/shm') {
  const memory = [env['XDG_RUNTIME_DIR'] ?? '', shared].find(isMemory)
  let path = ''
  const remove = () => path === '' || fs.rmSync(path, { recursive: true, force: true })
  const write = (name: string, text: string): string => {
    try {
      if (path === '') process.once('exit', remove)
      path ||= fs.mkdtempSync(join(memory ?? tmpdir(), 'leasehold-'))
      const file = join(path, name)
      fs.writeFileSync(file, text, { flag: 'wx', mode: 0o600 })
      return file
    } catch (error) {
      throw unusable(path || tmpdir(), error)
    }
  }
  return { isInMemory: memory !== undefined, write, remove }
}

function isMemory(folder: string): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK)
    return isAbsolute(folder) && fs.statfsSync(folder).type === tmpfs
  } catch {
    return false
  }
}

function unusable(file: string, cause: unknown): Problem {
  const why = codeOf(cause) ?? String(cause)
  return failed(`${file} can not be used.`, 'Make it yours (chown, chmod 600), or remove it.', why)
}

export function codeOf(error: unknown): string | undefined {
  return (Object(error) as { code?: string }).code
}
