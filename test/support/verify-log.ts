/**
 * Checks what the server says about its log as others would (c2sp.org/tlog-proof@v1, RFC 9162): for
 * tests, since the product only makes it. The command line has a verifier of its own.
 */
import { sha256 } from '../../src/core/base/hash.ts'
import type { Vkey } from '../../src/core/ledger/note.ts'
import { type Hash, hashBytes, isSame, leafHash, nodeHash } from '../../src/core/ledger/tree.ts'
import {
  type Checkpoint,
  fromBase64,
  openCheckpoint,
  parseCount,
  refused,
} from '../../src/life/audit/open-note.ts'
import { climb, verifyInclusion } from '../../src/life/audit/paths.ts'
import { proofHeader } from '../../src/life/audit/proof.ts'

interface TlogProof {
  readonly position: number
  readonly path: readonly Hash[]
  /** The signed checkpoint, word for word. */
  readonly note: string
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

/** RFC 9162 §2.1.4.2; the empty tree is a prefix of every tree. */
export function verifyConsistency(claim: {
  from: number
  fromRoot: Hash
  to: number
  toRoot: Hash
  path: readonly Hash[]
}): boolean {
  const { from, to, fromRoot, toRoot } = claim
  if (!isCount(from) || !isCount(to) || from > to) return false
  if (from === 0) return claim.path.length === 0 && isSame(fromRoot, sha256(''))
  if (from === to) return claim.path.length === 0 && isSame(fromRoot, toRoot)
  const path = Number.isInteger(Math.log2(from)) ? [fromRoot, ...claim.path] : claim.path
  const [first, ...rest] = path
  if (first === undefined) return false
  let [node, last] = [from - 1, to - 1]
  while (node % 2 === 1) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  let [old, now] = [first, first]
  const isWhole = climb(node, last, rest, (sibling, isLeft) => {
    if (isLeft) old = nodeHash(sibling, old)
    now = isLeft ? nodeHash(sibling, now) : nodeHash(now, sibling)
  })
  return isWhole && isSame(old, fromRoot) && isSame(now, toRoot)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
