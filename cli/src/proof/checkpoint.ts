/** Checkpoints (C2SP tlog-checkpoint, signed-note) and proofs beside them (C2SP tlog-proof). */
import { createHash } from 'node:crypto'
import { decodeExactly, Fault } from './fault.ts'
import { isSigned, type TableKey } from './keys.ts'
import type { Hash, Tree } from './merkle.ts'

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
