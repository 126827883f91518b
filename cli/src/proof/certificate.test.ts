import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../../src/core/base/hash.ts'
import {
  type Change,
  endedAt,
  testCertificate,
  testCertificateFile,
} from '../../../test/support/signed-certificate.ts'
import { newKeys, rootPrint } from '../../../test/support/signed-log.ts'
import {
  parseCertificateFile,
  type Verdict,
  verifyCertificate,
  writeCertificateFile,
} from './certificate.ts'

const now = Date.parse('2026-11-22T15:00:00Z')

function make() {
  const keys = newKeys()
  const again = (change: Change) => testCertificate(keys, change)
  return {
    file: testCertificateFile(keys),
    text: again({}),
    rootFingerprint: rootPrint(keys),
    again,
  }
}

function trust(made: ReturnType<typeof make>) {
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

  test('as the server writes it is what we would write', () => {
    expect(writeCertificateFile(parseCertificateFile(made.text))).toBe(made.text)
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
    const verdict = verifyCertificate(made.text, trust(made), Date.parse(endedAt) - 3_600_000)
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
