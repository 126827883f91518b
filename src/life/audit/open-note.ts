/**
 * Reads signed notes (c2sp.org/signed-note@v1.0.0): what a note says, once a key that is known has
 * signed it. Pure. Ed25519 alone, as we sign ourselves.
 */
import { createPublicKey, verify } from 'node:crypto'
import { Problem } from '../../core/base/problem.ts'
import { ed25519, keyId, keyIdBytes, type Vkey } from '../../core/ledger/note.ts'

type NoteKey = ReturnType<typeof parseVkey>

const publicKeyBytes = 32
const signatureBytes = 64
/** More than anybody signs with; a verifier must accept 16. */
const maxSignatures = 64

/**
 * The text of a note and the names of the known keys that signed it, at least one. Signatures by
 * unknown keys are ignored; one by a known key that does not fit refuses the whole note.
 */
export function openNote(note: string, vkeys: readonly Vkey[]): { text: string; names: string[] } {
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n') || !note.isWellFormed() || hasControl(note))
    throw refused('it is not a signed note')
  const text = note.slice(0, split + 1)
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > maxSignatures) throw refused('it has too many signatures')
  const keys = vkeys.map(parseVkey)
  const names = new Set<string>()
  for (const line of lines) {
    const { name, id, signature } = parseSignature(line)
    // ATTACKER: the name is theirs; it is compared, never interpreted.
    const key = keys.find(each => each.name === name && each.id.equals(id))
    if (key === undefined) continue
    if (!isSignedBy(key, text, signature)) throw refused('a signature does not fit the text')
    names.add(name)
  }
  if (names.size === 0) throw refused('no known key signed it')
  return { text, names: [...names] }
}

export function parseVkey(vkey: Vkey) {
  const [name = '', hex = '', key64 = '', ...rest] = vkey.split('+')
  // Base64 may itself hold `+`.
  const key = fromBase64([key64, ...rest].join('+'))
  const isWhole = key?.length === 1 + publicKeyBytes && key[0] === ed25519[0]
  if (key === null || !isWhole || name === '' || keyId(name, key).toString('hex') !== hex)
    throw refused('the verifier key can not be read')
  return { name, id: keyId(name, key), publicKey: key.subarray(1) }
}

/** Standard base64, or null: what does not encode back to the same text is refused. */
export function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

export function refused(why: string): Problem {
  return new Problem('not-verified', { detail: `The log's statement can not be trusted: ${why}.` })
}

function parseSignature(line: string): { name: string; id: Buffer; signature: Buffer } {
  const parts = /^— (\S+) (\S+)$/u.exec(line)
  const blob = fromBase64(parts?.[2] ?? '')
  if (parts?.[1] === undefined || blob === null || blob.length <= keyIdBytes)
    throw refused('a signature line can not be read')
  return { name: parts[1], id: blob.subarray(0, keyIdBytes), signature: blob.subarray(keyIdBytes) }
}

function isSignedBy(key: NoteKey, text: string, signature: Buffer): boolean {
  if (signature.length !== signatureBytes) return false
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.publicKey.toString('base64url') }
  return verify(null, Buffer.from(text), createPublicKey({ key: jwk, format: 'jwk' }), signature)
}

function hasControl(note: string): boolean {
  return Buffer.from(note).some(byte => byte < 0x20 && byte !== 0x0a)
}
