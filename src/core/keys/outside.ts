/**
 * The two keys outside the database, each in a file only we can read. The key-encryption key (or the
 * environment holds it) seals the data keys and nothing else: who has the database alone can open
 * nothing. The root key signs the key table and nothing else: a running server does not need it, so
 * its file can be taken away, and is asked for when a key changes.
 */
import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { makePair, type Pair, pairOf } from './pair.ts'
import { type SealKey, sealKey } from './seal.ts'
import { fingerprint } from './table.ts'

export interface KeysSource {
  /** Folder of the files `kek` and `root.key`. */
  readonly home: string
  /** `LEASEHOLD_KEK`: 32 bytes as base64url; the file is not looked at then. */
  readonly kek: string | null
  /** Names the installation in its key table; only the first start reads it. */
  readonly installation: string
}

/** `mayMake`: nothing was sealed yet, so a new one loses nothing. Else a missing one is a `Problem`. */
export function loadKek(source: KeysSource, mayMake: boolean): SealKey {
  if (source.kek !== null) return parseKek(source.kek, '`LEASEHOLD_KEK`')
  const file = join(source.home, 'kek')
  const text = readPrivate(file)
  if (text !== undefined) return parseKek(text, `The file \`${file}\``)
  if (!mayMake)
    throw unusable(
      `This database holds sealed values, and the key that opens them is missing: there is no \`${file}\`.`,
      'Bring the file back from its backup, or set LEASEHOLD_KEK.',
      'LEASEHOLD_KEK',
    )
  const bytes = randomBytes(32)
  writePrivate(file, `${bytes.toString('base64url')}\n`)
  return sealKey(bytes)
}

function parseKek(text: string, where: string): SealKey {
  const bytes = Buffer.from(text.trim(), 'base64url')
  if (bytes.length === 32 && /^[\w+/-]{43}=?$/.test(text.trim())) return sealKey(bytes)
  throw unusable(
    `${where} is not a key: it must be 32 bytes as base64url (43 characters).`,
    'Make one with: openssl rand -base64 32',
    'LEASEHOLD_KEK',
  )
}

const note = `This is the root key of a Leasehold installation. The server needs it only when a key changes.
Move it to a place that is not online, and bring it back for that moment.
`

/** At the first start: the key that is there already, or a new one in `root.key`, 0600. */
export function makeRoot(home: string): Pair {
  const file = join(home, 'root.key')
  const text = readPrivate(file)
  if (text !== undefined) return parseRoot(text, file)
  const pair = makePair('EdDSA')
  writePrivate(file, `${note}${pair.privateKey.export({ format: 'pem', type: 'pkcs8' })}`)
  return pair
}

/** The key whose fingerprint is known; `Problem` `bad-configuration` when it was moved away. */
export function readRoot(home: string, known: string): Pair {
  const file = join(home, 'root.key')
  const text = readPrivate(file)
  if (text === undefined)
    throw unusable(
      `Changing a key needs the root key, and there is no \`${file}\`.`,
      'Bring it from where it is kept, repeat, and move it away again.',
    )
  const pair = parseRoot(text, file)
  if (fingerprint(pair.publicJwk) === known) return pair
  throw unusable(
    `The key in \`${file}\` is not the root key of this installation.`,
    `The right one has the fingerprint ${known}.`,
  )
}

function parseRoot(text: string, file: string): Pair {
  try {
    const key = createPrivateKey(text.slice(text.indexOf('-----BEGIN')))
    if (key.asymmetricKeyType === 'ed25519') return pairOf('EdDSA', key)
  } catch {
    // What is wrong with a private key is not repeated.
  }
  throw unusable(
    `The file \`${file}\` does not hold an Ed25519 private key.`,
    'Bring it back from its backup.',
  )
}

/** The text of a file only we can read, or undefined when there is none. */
function readPrivate(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw unusable(
      `Others on this machine may read \`${file}\`.`,
      `Run: chmod 600 ${file}. If it was open to others for long, replace the key.`,
    )
  return readFileSync(file, 'utf8')
}

/** A new file, 0600 whatever the umask, on disk when this returns. Never writes over one. */
function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(file, text, { flag: 'wx', mode: 0o600, flush: true })
}

export function unusable(detail: string, next: string, field?: string): Problem {
  return new Problem('bad-configuration', { detail, next, field })
}
