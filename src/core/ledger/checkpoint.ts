/**
 * Checkpoints (c2sp.org/tlog-checkpoint@v1.0.0) and proof files (c2sp.org/tlog-proof@v1): what we say
 * about the log so that tools which are not ours can check it offline. Pure; see `proof.ts` for
 * where they come from.
 */
import { fromBase64, type NoteSigner, openNote, refused, signNote, type Vkey } from './note.ts'
import { type Hash, hashBytes, leafHash, verifyInclusion } from './tree.ts'

export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Hash
}

export interface TlogProof {
  readonly position: number
  readonly path: readonly Hash[]
  /** The signed checkpoint, word for word. */
  readonly note: string
}

const proofHeader = 'c2sp.org/tlog-proof@v1'

/** Origin of an installation's log, and the name of its key. */
export function originOf(trustDomain: string): string {
  return `${trustDomain}/log`
}

export function signCheckpoint(head: { size: number; root: Hash }, signer: NoteSigner): string {
  const root = Buffer.from(head.root).toString('base64')
  return signNote(`${signer.name}\n${head.size}\n${root}\n`, signer)
}

/** Verifies and reads a checkpoint. The origin is the name of a key that signed it, compared literally. */
export function openCheckpoint(note: string, vkeys: readonly Vkey[]): Checkpoint {
  const { text, names } = openNote(note, vkeys)
  const [origin = '', size = '', root = '', ...extensions] = text.slice(0, -1).split('\n')
  const hash = fromBase64(root)
  if (!names.includes(origin)) throw refused('it speaks for another log than its key')
  if (hash?.length !== hashBytes || extensions.includes('')) throw refused('its form is not known')
  return { origin, size: parseCount(size), root: hash }
}

/** What `.tlog-proof` files hold. */
export function writeTlogProof(proof: TlogProof): string {
  const path = proof.path.map(hash => `${Buffer.from(hash).toString('base64')}\n`).join('')
  return `${proofHeader}\nindex ${proof.position}\n${path}\n${proof.note}`
}

export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n')
  const [header, ...lines] = text.slice(0, Math.max(split, 0)).split('\n')
  if (header !== proofHeader) throw refused(`it is not a ${proofHeader} file`)
  // Not authenticated, so nothing here reads it.
  if (lines[0]?.startsWith('extra ')) lines.shift()
  const index = /^index (\S+)$/.exec(lines.shift() ?? '')?.[1] ?? ''
  const path = lines.map(line => {
    const hash = fromBase64(line)
    if (hash?.length !== hashBytes) throw refused('a hash of its path can not be read')
    return hash
  })
  return { position: parseCount(index), path, note: text.slice(split + 2) }
}

/** That `leaf` is in the log at the proof's position, by a checkpoint one of `vkeys` signed. */
export function verifyTlogProof(
  text: string,
  leaf: string,
  vkeys: readonly Vkey[],
): { position: number; checkpoint: Checkpoint } {
  const { position, path, note } = parseTlogProof(text)
  const checkpoint = openCheckpoint(note, vkeys)
  const { size, root } = checkpoint
  if (!verifyInclusion({ leaf: leafHash(leaf), position, size, path, root }))
    throw refused('the entry is not in the log it names')
  return { position, checkpoint }
}

/** ASCII decimal without leading zeroes. */
function parseCount(text: string): number {
  const count = Number(text)
  if (!/^(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(count))
    throw refused('a number can not be read')
  return count
}
