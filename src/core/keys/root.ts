/**
 * The root key: signs the key table and nothing else. A running server does not need it; it is in a
 * file of its own so that it can be taken away, and asked for when a key changes.
 */
import { createPrivateKey } from 'node:crypto'
import { join } from 'node:path'
import { Problem } from '../base/problem.ts'
import { readPrivate, writePrivate } from './kek.ts'
import { makePair, type Pair, pairOf } from './pair.ts'
import { fingerprint } from './table.ts'

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
    throw new Problem('bad-configuration', {
      detail: `Changing a key needs the root key, and there is no \`${file}\`.`,
      next: 'Bring it from where it is kept, repeat, and move it away again.',
    })
  const pair = parseRoot(text, file)
  if (fingerprint(pair.publicJwk) === known) return pair
  throw new Problem('bad-configuration', {
    detail: `The key in \`${file}\` is not the root key of this installation.`,
    next: `The right one has the fingerprint ${known}.`,
  })
}

function parseRoot(text: string, file: string): Pair {
  try {
    const key = createPrivateKey(text.slice(text.indexOf('-----BEGIN')))
    if (key.asymmetricKeyType === 'ed25519') return pairOf('EdDSA', key)
  } catch {
    // What is wrong with a private key is not repeated.
  }
  throw new Problem('bad-configuration', {
    detail: `The file \`${file}\` does not hold an Ed25519 private key.`,
    next: 'Bring it back from its backup.',
  })
}
