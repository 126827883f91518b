/**
 * Checks an end certificate without asking anyone, by code that shares none with the server:
 * DSSE, key table, C2SP proof, commitment. Pure; nothing of it is believed before it is proven.
 *
 * The certificate's file has exactly one form, so that no byte of it can change unseen: neither
 * white space, nor a second member of one name, nor another spelling of a text.
 */
import { createHmac, hash } from 'node:crypto'
import type { CertificateFile, OffboardingView } from '../../../src/doors/api/contract.ts'
import { decodeExactly, Fault, isSigned, type KeyTable, openKeyTable, signersOf } from './keys.ts'
import { hashLeaf, isIncluded, openCheckpoint, parseLogProof } from './log.ts'

/** A root key somebody decided to trust, and why. */
export type TrustedRoot = { readonly fingerprint: string; readonly because: string }

export interface Certificate {
  readonly app: { readonly slug: string }
  readonly installation: { readonly name: string; readonly mode: string }
  readonly state: string
  readonly endedBy: string
  readonly endedAt: string
  readonly items: OffboardingView['items']
  readonly systems: OffboardingView['systems']
  readonly trusted: TrustedRoot
  /** Counted from 1, as people count. */
  readonly entry: number
  readonly checkpoint: number
}

export type Verdict =
  | { readonly proven: true; readonly certificate: Certificate }
  | { readonly proven: false; readonly fields: readonly string[]; readonly says: string }

const types = {
  schema: 'leasehold/v1',
  payloadType: 'application/vnd.in-toto+json',
  statement: 'https://in-toto.io/Statement/v1',
  predicate: 'https://leasehold.dev/end-certificate/v1',
} as const
/** Clocks differ; a certificate from further ahead was not written by ours. */
const aheadMs = 10 * 60_000

/** `now` in milliseconds since 1970. */
export function verifyCertificate(text: string, trust: TrustedRoot[], now: number): Verdict {
  try {
    const file = parseCertificateFile(text)
    for (const name of ['schema', 'payloadType'] as const)
      if (file[name] !== types[name]) throw new Fault(name, `it must be ${types[name]}`)
    const root = (print: string) => trust.find(each => each.fingerprint === print)
    const table = openKeyTable(file.keys, print => root(print) !== undefined)
    const place = checkLog(file, table)
    const statement = readStatement(checkPayload(file, table), now)
    const trusted = root(table.rootFingerprint) ?? { fingerprint: '', because: '' }
    return { proven: true, certificate: { ...statement, ...place, trusted } }
  } catch (error) {
    if (error instanceof Fault) return { proven: false, fields: error.fields, says: error.says }
    throw error
  }
}

/** The leaf stands in the tree that the log's key signed, and these facts are the leaf's. */
function checkLog({ entry, tlogProof }: CertificateFile, table: KeyTable) {
  const { leaf, facts, factsSalt } = entry
  const { index, path, checkpoint: note } = parseLogProof(tlogProof)
  const checkpoint = openCheckpoint(note, signersOf(table, 'ledger'))
  // A second signature line would be vouched for by nobody.
  if (checkpoint.signatures !== 1)
    throw new Fault('tlogProof', 'nobody can check all who signed it')
  if (!isIncluded(hashLeaf(leaf), index, checkpoint, path))
    throw new Fault(['entry.leaf', 'tlogProof'], 'the log holds another entry at that place')
  const salt = decodeExactly(factsSalt, 'base64url') ?? ''
  const commitment = createHmac('sha256', salt).update(facts).digest('base64url')
  if (salt.length !== 32 || parseObject(leaf)['facts'] !== commitment)
    throw new Fault(['entry.facts', 'entry.factsSalt'], 'the entry in the log is about other facts')
  return { entry: index + 1, checkpoint: checkpoint.size }
}

/** The log holds its hash; DSSE v1: the signature is over type and payload, with their lengths. */
function checkPayload({ payload, entry, signatures }: CertificateFile, table: KeyTable): Buffer {
  const bytes = decodeExactly(payload, 'base64') ?? Buffer.alloc(0)
  if (parseObject(entry.facts)['certificateHash'] !== hash('sha256', bytes))
    throw new Fault('payload', 'the log holds the hash of another text')
  const [{ keyid, sig } = { keyid: '', sig: '' }] = signatures
  const key = signersOf(table, 'certificate').find(each => each.kid === keyid)
  if (!key) throw new Fault('signatures[0].keyid', 'the key table has no such certificate key')
  const { payloadType } = types
  const head = `DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `
  const signed = Buffer.concat([Buffer.from(head), bytes])
  if (isSigned(signed, decodeExactly(sig, 'base64'), key.jwk.x)) return bytes
  throw new Fault('signatures[0].sig', 'the key did not sign this payload')
}

/** Signed and logged; what is left to ask is whether it says what a certificate must say. */
function readStatement(payload: Buffer, now: number) {
  const refuseUnless = (holds: boolean, says: string) => {
    if (!holds) throw new Fault('payload', says)
  }
  const parsed = parseObject(String(payload))
  const { predicateType, subject, predicate } = parsed as unknown as Statement
  const isType = parsed['_type'] === types.statement && predicateType === types.predicate
  refuseUnless(isType, 'it is not an end certificate')
  const { plan, items, at, scope } = predicate
  const systems = scope?.systems ?? []
  refuseUnless(systems.length > 0, 'without a scope, what was looked at, it proves nothing')
  refuseUnless(
    subject[0]?.digest.sha256 === hash('sha256', plan),
    'it is about another plan than its own',
  )
  const planned = parseObject(plan)['items'] as Certificate['items']
  const ids = (list: Certificate['items']) => list.map(({ kind, id }) => `${kind} ${id}`).join('\n')
  refuseUnless(ids(planned) === ids(items), 'its things are not those of its plan')
  const isPast = Date.parse(at) <= now + aheadMs
  refuseUnless(isPast, "it is of the future; is this computer's clock right?")
  return { ...predicate, systems }
}

type Statement = {
  predicateType: string
  subject: { digest: { sha256: string } }[]
  predicate: Certificate & { at: string; plan: string; scope?: Pick<Certificate, 'systems'> }
}

/** Of a text that is proven to be the installation's own. */
function parseObject(text: string): Readonly<Record<string, unknown>> {
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

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
