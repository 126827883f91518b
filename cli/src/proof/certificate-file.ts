/**
 * The certificate's file has exactly one form, so that no byte of it can change unseen: neither
 * white space, nor a second member of one name, nor another spelling of a text.
 */
import type { CertificateFile } from '../../../src/doors/api/contract.ts'
import { Fault } from './keys.ts'

/** What each line of the file belongs to. */
const lineOwners = `file schema payloadType payload signatures signatures signatures[0].keyid
  signatures[0].sig signatures signatures entry entry.leaf entry.facts entry.factsSalt entry
  tlogProof keys keys.body keys.signature keys.rootFingerprint keys file`.split(/\s+/)

export function writeCertificateFile(file: CertificateFile): string {
  const { schema, payloadType, payload, signatures, entry, tlogProof, keys } = file
  const { leaf, facts, factsSalt } = entry
  const { body, signature, rootFingerprint } = keys
  const signed = {
    payloadType,
    payload,
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })),
  }
  const logged = { entry: { leaf, facts, factsSalt }, tlogProof }
  const ordered = { schema, ...signed, ...logged, keys: { body, signature, rootFingerprint } }
  return `${JSON.stringify(ordered, null, 2)}\n`
}

/** Throws `Fault` naming the member of the first line that is not as it is written. */
export function parseCertificateFile(text: string): CertificateFile {
  const lines = text.split('\n')
  const broken = lines.findIndex((line, i) => !isWhole(line, lineOwners[i] ?? ''))
  if (broken >= 0 && broken < lineOwners.length) throw misplaced(lines, broken)
  const [file, written] = tryParse(text)
  const at = lines.findIndex((line, i) => line !== written[i])
  if (file === undefined || at >= 0 || lines.length !== lineOwners.length + 1)
    throw misplaced(lines, at)
  return file
}

/** The file, and the lines that it should be. */
function tryParse(text: string): [file: CertificateFile | undefined, lines: string[]] {
  try {
    const file = JSON.parse(text) as CertificateFile
    return [file, writeCertificateFile(file).split('\n')]
  } catch {
    return [undefined, []]
  }
}

/** A line that belongs to a text holds that text, whole, under its name. */
function isWhole(line: string, owner: string): boolean {
  if (['file', 'signatures', 'entry', 'keys', ''].includes(owner)) return !line.includes('": "')
  try {
    const member = JSON.parse(`{${line.replace(/,$/, '')}}`) as Record<string, unknown>
    return typeof member[owner.split('.').at(-1) ?? ''] === 'string'
  } catch {
    return false
  }
}

function misplaced(lines: readonly string[], at: number): Fault {
  const owner = lineOwners[at] ?? 'file'
  const name = /^\s*"([^"]*)"\s*:/.exec(lines[at] ?? '')?.[1] ?? owner
  const fields = owner.split('.').at(-1) === name ? owner : [owner, name]
  return new Fault(fields, `line ${at + 1} is not as certificates are written (\`${name}\`)`)
}
