import { generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../src/core/base/hash.ts'
import { canonicalJson } from '../../../src/core/base/json.ts'
import type { Instant } from '../../../src/core/base/time.ts'
import { type Pair, pairOf, signWith, thumbprint } from '../../../src/core/keys/pair.ts'
import { signKeyTable } from '../../../src/core/keys/table.ts'
import { signCheckpoint, writeTlogProof } from '../../../src/core/ledger/checkpoint.ts'
import { commit, leafText } from '../../../src/core/ledger/leaf.ts'
import { inclusionPath, leafHash, nodeHash, rootAt } from '../../../src/core/ledger/tree.ts'
import type { CertificateFile } from '../../../src/doors/api/contract.ts'
import { sealStatement } from '../../../src/life/offboard/dsse.ts'
import { type Verdict, verifyCertificate } from './certificate.ts'
import { parseCertificateFile, writeCertificateFile } from './certificate-file.ts'

const at = '2026-11-22T14:02:11.000Z' as Instant
const now = Date.parse('2026-11-22T15:00:00Z')

interface Made {
  readonly file: CertificateFile
  readonly text: string
  readonly rootFingerprint: string
  /** Makes it again with one thing said otherwise, signed and logged as the server would. */
  readonly again: (change: Change) => string
}
interface Change {
  predicate?: Record<string, unknown>
  subjectHash?: string
  statement?: Record<string, unknown>
  keyState?: string
}

/** As the server makes them, by the server's own functions: ours must read what they write. */
function make(): Made {
  const [root, ledger, certificate] = [pair(), pair(), pair()]
  const again = (change: Change) =>
    writeCertificateFile(build({ root, ledger, certificate }, change))
  const file = build({ root, ledger, certificate }, {})
  return { file, text: again({}), rootFingerprint: sha256Hex(raw(root)), again }
}

function build(
  keys: Record<'root' | 'ledger' | 'certificate', Pair>,
  change: Change,
): CertificateFile {
  const items = [
    item(1, 'lease', 'lh_deal_desk_7k2q', 'crm'),
    item(2, 'grant', 'lhg_1', 'crm'),
    item(3, 'identity', 'spiffe://acme/app/deal-desk/run', 'Leasehold'),
  ]
  const plan = canonicalJson({
    v: 1,
    items: items.map(({ order, kind, id }) => ({ order, kind, id })),
  })
  const statement = canonicalJson({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name: 'acme/app/deal-desk/plan',
        digest: { sha256: change.subjectHash ?? sha256Hex(plan) },
      },
    ],
    predicateType: 'https://leasehold.dev/end-certificate/v1',
    predicate: {
      state: 'verified-gone',
      app: { id: 'ap_1', slug: 'deal-desk', owner: 'Maya Ortiz', backup: 'Tom Reyes' },
      installation: { id: 'i', name: 'Leasehold demo', trustDomain: 'acme', mode: 'team' },
      endedBy: 'Maya Ortiz',
      endedAt: at,
      at,
      rechecks: 0,
      plan,
      items,
      scope: {
        at,
        systems: [{ name: 'crm', looked: true, paths: ['list of roles'], because: null }],
      },
      ...change.predicate,
    },
    ...change.statement,
  })
  const kid = thumbprint(keys.certificate.publicJwk)
  const envelope = sealStatement(statement, {
    kid,
    sign: bytes => signWith(keys.certificate, bytes),
  })
  const { entry, tlogProof } = log(keys.ledger, sha256Hex(statement))
  const table = signKeyTable(keys.root, {
    serial: 1,
    installation: 'Leasehold demo',
    keys: (['root', 'ledger', 'certificate'] as const).map(use => ({
      kid: thumbprint(keys[use].publicJwk),
      use,
      alg: 'EdDSA',
      jwk: keys[use].publicJwk,
      state: use === 'certificate' ? ((change.keyState ?? 'active') as 'active') : 'active',
      notBefore: '2026-11-01T00:00:00.000Z' as Instant,
    })),
  })
  return {
    schema: 'leasehold/v1',
    ...envelope,
    signatures: [...envelope.signatures],
    entry,
    tlogProof,
    keys: table,
  }
}

function log(ledger: Pair, certificateHash: string) {
  const factsSalt = randomBytes(32).toString('base64url')
  const facts = canonicalJson({ certificateHash, offboarding: { id: 'of_1', version: 3 } })
  const leaf = leafText({
    kind: 'offboard.certify',
    at,
    actor: 'sy_offboard',
    subjects: [],
    facts: commit(factsSalt, facts),
  })
  const leaves = ['a', 'b', 'c', leaf, 'd'].map(leafHash)
  const hashOf = (level: number, index: number): Uint8Array => {
    if (level > 0) return nodeHash(hashOf(level - 1, index * 2), hashOf(level - 1, index * 2 + 1))
    const hash = leaves[index]
    if (!hash) throw new Error('no such leaf')
    return hash
  }
  const head = { size: leaves.length, root: rootAt(leaves.length, hashOf) }
  const signer = {
    name: 'acme/log',
    publicKey: raw(ledger),
    sign: (bytes: Uint8Array) => signWith(ledger, bytes),
  }
  const proof = {
    position: 3,
    path: inclusionPath(3, leaves.length, hashOf),
    note: signCheckpoint(head, signer),
  }
  return { entry: { leaf, facts, factsSalt }, tlogProof: writeTlogProof(proof) }
}

function item(order: number, kind: string, name: string, system: string) {
  const paths = ['list of roles', 'the key itself']
  return {
    order,
    kind,
    id: `${kind}_${order}`,
    name,
    system,
    state: 'verified-gone',
    paths,
    because: null,
    at,
  }
}

function pair(): Pair {
  const { privateKey } = generateKeyPairSync('ed25519')
  return pairOf('EdDSA', privateKey)
}

function raw(key: Pair): Buffer {
  return Buffer.from(key.publicJwk.x, 'base64url')
}

function trust(made: Made) {
  return [{ fingerprint: made.rootFingerprint, because: 'the test made it' }]
}

function refusal(verdict: Verdict) {
  if (verdict.proven) throw new Error('it was accepted')
  return verdict
}

describe('an end certificate', () => {
  const made = make()
  const check = (text: string) => verifyCertificate(text, trust(made), now)

  test('as the server makes it is proven, with its scope and who was trusted', () => {
    const verdict = check(made.text)
    expect(verdict).toMatchObject({
      proven: true,
      certificate: { state: 'verified-gone', entry: 4, checkpoint: 5 },
    })
    expect(verdict.proven && verdict.certificate.items).toHaveLength(3)
  })

  test('is not proven by a root key nobody trusts', () => {
    const verdict = refusal(verifyCertificate(made.text, [], now))
    expect(verdict.fields).toEqual(['keys.rootFingerprint'])
    const other = make()
    expect(refusal(verifyCertificate(made.text, trust(other), now)).fields).toEqual([
      'keys.rootFingerprint',
    ])
  })

  test('with any one byte changed is refused, and the member that was changed is named', () => {
    const bytes = Buffer.from(made.text)
    const owner = ownersOf(made.text)
    const missed: string[] = []
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      // Another letter: a change that keeps the file readable is the hard one.
      changed[at] = bytes[at] === 0x41 ? 0x42 : 0x41
      const verdict = check(changed.toString('utf8'))
      if (verdict.proven) missed.push(`${at}: accepted`)
      else if (owner[at] !== '' && !verdict.fields.includes(owner[at] ?? ''))
        missed.push(`${at}: in ${owner[at]}, named ${verdict.fields.join()}`)
    }
    expect(missed).toEqual([])
  })

  test('with any bit flipped anywhere is refused', () => {
    const bytes = Buffer.from(made.text)
    const flips = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 7 }))
    const run = () =>
      fc.assert(
        fc.property(flips, ([at, bit]) => {
          const changed = Buffer.from(bytes)
          changed[at] = (changed[at] ?? 0) ^ (1 << bit)
          return !check(changed.toString('utf8')).proven
        }),
        { numRuns: 3000 },
      )
    expect(run).not.toThrow()
  })

  test('is refused when a line is added, removed or doubled', () => {
    const lines = made.text.split('\n')
    lines.forEach((line, i) => {
      expect(check(lines.toSpliced(i, 1).join('\n')).proven).toBe(false)
      expect(check(lines.toSpliced(i, 0, line).join('\n')).proven).toBe(false)
      expect(check(lines.toSpliced(i, 0, '').join('\n')).proven).toBe(false)
    })
  })

  test('with a member we do not know is refused by that name', () => {
    const text = made.text.replace('  "payloadType"', '  "comment": "hello",\n  "payloadType"')
    expect(refusal(check(text)).fields).toContain('comment')
  })

  test('written with other white space is refused: nothing may change unseen', () => {
    const compact = JSON.stringify(JSON.parse(made.text))
    expect(refusal(check(compact)).says).toContain('line 1 ')
    expect(check(`${made.text} `).proven).toBe(false)
    expect(check(made.text.replaceAll('\n', '\r\n')).proven).toBe(false)
  })

  test('spelled with escapes for plain letters is refused', () => {
    const text = made.text.replace('"application', '"\\u0061pplication')
    expect(refusal(check(text)).fields).toEqual(['payloadType'])
  })

  test('without a scope does not verify', () => {
    for (const scope of [undefined, {}, { systems: [] }]) {
      const text = made.again({ predicate: { scope: scope ?? null } })
      expect(refusal(check(text)).says).toContain('scope')
    }
  })

  test('about another plan than the one inside is refused', () => {
    const text = made.again({ subjectHash: sha256Hex('another plan') })
    expect(refusal(check(text)).says).toContain('another plan than its own')
  })

  test('that leaves out a thing of its plan is refused', () => {
    const text = made.again({ predicate: { items: [] } })
    expect(refusal(check(text)).says).toContain('those of its plan')
  })

  test('of another type is refused though its signature holds', () => {
    const text = made.again({ statement: { predicateType: 'https://example.com/other' } })
    expect(refusal(check(text)).says).toContain('not an end certificate')
  })

  test('signed by a key that was only announced is refused', () => {
    const text = made.again({ keyState: 'next' })
    expect(refusal(check(text)).fields).toEqual(['signatures[0].keyid'])
  })

  test('signed by a key retired since still holds', () => {
    expect(check(made.again({ keyState: 'retired' })).proven).toBe(true)
  })

  test('dated in the future is refused', () => {
    const verdict = verifyCertificate(made.text, trust(made), Date.parse(at) - 3_600_000)
    expect(refusal(verdict).says).toContain('future')
  })

  test('with the proof of another certificate is refused', () => {
    const other = parseCertificateFile(made.again({ predicate: { rechecks: 1 } }))
    const mixed = writeCertificateFile({
      ...made.file,
      entry: other.entry,
      tlogProof: other.tlogProof,
    })
    expect(refusal(check(mixed)).fields).toEqual(['payload'])
  })

  test('with an unproven line in its log proof is refused', () => {
    const { tlogProof } = made.file
    const extra = tlogProof.replace('\nindex', '\nextra aGVsbG8=\nindex')
    const cosigned = `${tlogProof}— witness.example ${Buffer.alloc(68).toString('base64')}\n`
    for (const proof of [extra, cosigned]) {
      const text = writeCertificateFile({ ...made.file, tlogProof: proof })
      expect(refusal(check(text)).fields).toEqual(['tlogProof'])
    }
  })
})

/** For each byte, the member whose text it is part of; empty for brackets and names. */
function ownersOf(text: string): string[] {
  const owners: string[] = []
  const groups: Record<string, string> = {
    signatures: 'signatures[0].',
    entry: 'entry.',
    keys: 'keys.',
  }
  let group = ''
  for (const line of text.split('\n')) {
    const name = /^\s*"(\w+)": (.)/.exec(line)
    if (name?.[1] && name[1] in groups) group = groups[name[1]] ?? ''
    else if (/^ {2}[\]}"]/.test(line)) group = ''
    const path = name?.[2] === '"' ? `${group}${name[1]}` : ''
    const start = Buffer.byteLength(line.slice(0, line.indexOf(': ') + 3))
    const size = Buffer.byteLength(line)
    for (let i = 0; i <= size; i++) owners.push(i >= start && i < size - 2 ? path : '')
  }
  return owners
}
