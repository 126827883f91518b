/**
 * The key-encryption key: 32 bytes outside the database, from the environment or a file only we can
 * read. It seals the data keys and nothing else. Who has the database alone can open nothing.
 */

import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { type SealKey, sealKey } from './seal.ts'

export interface KekSource {
  /** Folder of the file `kek`. */
  readonly home: string
  /** `LEASEHOLD_KEK`: 32 bytes as base64url; the file is not looked at then. */
  readonly kek: string | null
}

/** `mayMake`: nothing was sealed yet, so a new one loses nothing. Else a missing one is a `Problem`. */
export function loadKek(source: KekSource, mayMake: boolean): SealKey {
  if (source.kek !== null) return parseKek(source.kek, '`LEASEHOLD_KEK`')
  const file = join(source.home, 'kek')
  const text = readPrivate(file)
  if (text !== undefined) return parseKek(text, `The file \`${file}\``)
  if (!mayMake)
    throw new Problem('bad-configuration', {
      detail: `This database holds sealed values, and the key that opens them is missing: there is no \`${file}\`.`,
      next: 'Bring the file back from its backup, or set LEASEHOLD_KEK.',
      field: 'LEASEHOLD_KEK',
    })
  const bytes = randomBytes(32)
  writePrivate(file, `${bytes.toString('base64url')}\n`)
  return sealKey(bytes)
}

function parseKek(text: string, where: string): SealKey {
  const bytes = Buffer.from(text.trim(), 'base64url')
  if (bytes.length === 32 && /^[\w+/-]{43}=?$/.test(text.trim())) return sealKey(bytes)
  throw new Problem('bad-configuration', {
    detail: `${where} is not a key: it must be 32 bytes as base64url (43 characters).`,
    next: 'Make one with: openssl rand -base64 32',
    field: 'LEASEHOLD_KEK',
  })
}

/** The text of a file only we can read, or undefined when there is none. */
export function readPrivate(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new Problem('bad-configuration', {
      detail: `Others on this machine may read \`${file}\`.`,
      next: `Run: chmod 600 ${file}. If it was open to others for long, replace the key.`,
    })
  return readFileSync(file, 'utf8')
}

/** A new file, 0600 whatever the umask, on disk when this returns. Never writes over one. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const at = openSync(file, 'wx', 0o600)
  try {
    writeSync(at, text)
    fsyncSync(at)
  } finally {
    closeSync(at)
  }
}
