/**
 * The log as others can check it. Checkpoints (C2SP tlog-checkpoint, signed-note) and proofs beside
 * them (C2SP tlog-proof); RFC 6962 trees, read from the top: a second implementation, apart from the
 * server's. What it computes it compares; it never takes a hash for true.
 */
import { createHash } from 'node:crypto'
import { decodeExactly, Fault, isSigned, type TableKey } from './keys.ts'

export interface Checkpoint extends Tree {
  readonly origin: string
  readonly signatures: number
}

/** The tree head, when one of these keys signed it under the log's own name. */
export function openCheckpoint(note: string, signers: readonly TableKey[]): Checkpoint {
  const [text = '', lines = '', ...rest] = note.split(/(?<=\n)\n/)
  const [origin = '', sizeText = '', rootText = '', ...more] = text.split('\n')
  const root = decodeExactly(rootText, 'base64')
  const isForm = more.join() === '' && rest.length === 0 && lines.endsWith('\n')
  if (!isForm || root?.length !== 32 || !/^(0|[1-9]\d{0,14})$/.test(sizeText))
    throw new Fault('tlogProof', 'it is not a checkpoint')
  const signatures = lines.slice(0, -1).split('\n')
  if (!signatures.some(line => signers.some(key => isSignedBy(line, origin, text, key))))
    throw new Fault('tlogProof', "no key of this installation's log signed it")
  return { origin, size: Number(sizeText), root, signatures: signatures.length }
}

/** `— <origin> base64(first 4 bytes of the key's hash, signature)`. */
function isSignedBy(line: string, origin: string, text: string, { jwk }: TableKey): boolean {
  const head = `— ${origin} `
  const bytes = decodeExactly(line.slice(head.length), 'base64')
  const name = Buffer.concat([Buffer.from(`${origin}\n\u0001`), Buffer.from(jwk.x, 'base64url')])
  const id = createHash('sha256').update(name).digest().subarray(0, 4)
  const isHis = line.startsWith(head) && bytes?.subarray(0, 4).equals(id) === true
  return isHis && isSigned(text, bytes.subarray(4), jwk.x)
}

/** Strict: no `extra` (nothing would vouch for it), one spelling only. */
export function parseLogProof(proof: string) {
  const [, head = '', checkpoint = ''] =
    /^c2sp\.org\/tlog-proof@v1\n(.*?\n)\n(.*)$/s.exec(proof) ?? []
  const [indexLine = '', ...hashes] = head.slice(0, -1).split('\n')
  const index = /^index (0|[1-9]\d{0,14})$/.exec(indexLine)?.[1]
  const path = hashes.map(hash => decodeExactly(hash, 'base64')).filter(hash => hash?.length === 32)
  if (index === undefined || path.length !== hashes.length)
    throw new Fault('tlogProof', 'it is not a proof as C2SP writes them')
  return { index: Number(index), path: path as Hash[], checkpoint }
}

export type Hash = Buffer

export type Tree = { readonly size: number; readonly root: Hash }

export function hashLeaf(leaf: string): Hash {
  return createHash('sha256').update(Uint8Array.of(0)).update(leaf).digest()
}

/** True when the leaf stands at `index` of this tree (RFC 6962 §2.1.1). */
export function isIncluded(leaf: Hash, index: number, tree: Tree, path: readonly Hash[]): boolean {
  const rest = [...path]
  const climb = (at: number, size: number): Hash | undefined => {
    if (size === 1) return leaf
    const left = split(size)
    const sibling = rest.pop()
    const below = at < left ? climb(at, left) : climb(at - left, size - left)
    return at < left ? hashNode(below, sibling) : hashNode(sibling, below)
  }
  if (!(index < tree.size)) return false
  const root = climb(index, tree.size)
  return rest.length === 0 && root?.equals(tree.root) === true
}

/** True when the older tree is exactly the beginning of the newer one (RFC 6962 §2.1.2). */
export function isPrefix(older: Tree, newer: Tree, path: readonly Hash[]): boolean {
  const rest = [...path]
  /** What the proof says the older and the newer root are. */
  const climb = (m: number, n: number, isWhole: boolean): (Hash | undefined)[] => {
    if (m === n) return [isWhole ? older.root : rest.pop()].flatMap(same => [same, same])
    const left = split(n)
    const sibling = rest.pop()
    const [was, is] = m <= left ? climb(m, left, isWhole) : climb(m - left, n - left, false)
    if (m <= left) return [was, hashNode(is, sibling)]
    return [hashNode(sibling, was), hashNode(sibling, is)]
  }
  if (older.size === 0 || older.size > newer.size) return older.size === 0 && path.length === 0
  const [was, is] = climb(older.size, newer.size, true)
  return rest.length === 0 && was?.equals(older.root) === true && is?.equals(newer.root) === true
}

/** Undefined where the path was too short: that is never a root. */
function hashNode(left: Hash | undefined, right: Hash | undefined): Hash | undefined {
  if (left === undefined || right === undefined) return undefined
  return createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest()
}

/** Where RFC 6962 splits: the largest power of two below `size`. */
function split(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
