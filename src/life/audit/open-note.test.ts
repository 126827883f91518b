import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { makeNoteSigner } from '../../../test/support/ledger.ts'
import { parseTlogProof, verifyTlogProof } from '../../../test/support/verify-log.ts'
import { originOf, signCheckpoint } from '../../core/ledger/checkpoint.ts'
import { signNote, vkeyOf } from '../../core/ledger/note.ts'
import { extend, leafHash, rootOf } from '../../core/ledger/tree.ts'
import { openCheckpoint, openNote, parseVkey } from './open-note.ts'
import { inclusionPath } from './paths.ts'
import { writeTlogProof } from './proof.ts'

const signer = makeNoteSigner()
const vkey = vkeyOf(signer)
const head = { size: 3, root: leafHash('root') }

describe('a signed note', () => {
  test('is the example of the specification, byte for byte', () => {
    // c2sp.org/signed-note: its example, and the key golang.org/x/mod/sumdb/note publishes for its own.
    const peter = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
    const text =
      'If you think cryptography is the answer to your problem,\n' +
      "then you don't know what your problem is.\n"
    const line =
      '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
    expect(openNote(`${text}\n${line}`, [peter])).toEqual({ text, names: ['PeterNeumann'] })
    expect(parseVkey(peter).publicKey).toHaveLength(32)
  })

  test('by a key nobody knows is refused, and beside a known one is ignored', () => {
    const stranger = makeNoteSigner('stranger.example/log')
    const note = signNote('hello\n', signer)
    expect(() => openNote(signNote('hello\n', stranger), [vkey])).toThrow(/no known key/)
    const both = note + (signNote('hello\n', stranger).split('\n\n')[1] ?? '')
    expect(openNote(both, [vkey]).names).toEqual([signer.name])
    expect(openNote(both, [vkeyOf(stranger)]).names).toEqual([stranger.name])
  })

  test('with a known name but another key is ignored, so a rotated key does not break it', () => {
    const rotated = makeNoteSigner(signer.name)
    const note = signNote('hello\n', rotated)
    expect(() => openNote(note, [vkey])).toThrow(/no known key/)
    expect(openNote(note, [vkey, vkeyOf(rotated)]).text).toBe('hello\n')
  })

  test('under another name is not the known key’s, whatever key id it claims', () => {
    const renamed = signNote('hello\n', signer).replace(`— ${signer.name} `, '— other.example ')
    expect(() => openNote(renamed, [vkey])).toThrow(/no known key/)
  })

  test('of a known key that does not fit refuses the note, also beside one that fits', () => {
    const note = signNote('hello\n', signer)
    const wrong = signNote('other\n', signer).split('\n\n')[1] ?? ''
    expect(() => openNote(note.replace('hello', 'hallo'), [vkey])).toThrow(/does not fit/)
    expect(() => openNote(note + wrong, [vkey])).toThrow(/does not fit/)
  })

  test('keeps empty lines in its text; the last one parts it from the signatures', () => {
    expect(openNote(signNote('a\n\nb\n', signer), [vkey]).text).toBe('a\n\nb\n')
  })

  test.each([
    ['nothing', ''],
    ['no signature', 'hello\n'],
    ['no newline at its end', signNote('hello\n', signer).slice(0, -1)],
    ['a control character', signNote('hel\u0001lo\n', signer)],
    ['a carriage return', signNote('hello\r\n', signer)],
    ['a hyphen for the dash', signNote('hello\n', signer).replace('—', '-')],
    ['a signature that is not base64', signNote('hello\n', signer).replace(/=*\n$/, '!\n')],
    ['base64 with loose bits', loosen(signNote('hello\n', signer))],
    ['too many signatures', signNote('hello\n', signer).replace(/(— .*\n)/, '$1'.repeat(70))],
  ])('with %s is refused', (_, note) => {
    expect(() => openNote(note, [vkey])).toThrow(/not-verified/)
  })

  test.each([
    ['another name', vkey.replace('example.com', 'example.org')],
    ['another id', vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+')],
    ['no key', `${signer.name}+00000000+`],
    ['another type', vkeyOf({ ...signer, publicKey: Buffer.alloc(31) })],
  ])('can not be checked by a verifier key with %s', (_, wrong) => {
    expect(() => parseVkey(wrong)).toThrow(/verifier key/)
  })
})

describe('a checkpoint', () => {
  const note = signCheckpoint(head, signer)

  test('has origin, size and root in three lines, signed under the origin', () => {
    expect(originOf('example.com')).toBe(signer.name)
    expect(note.split('\n').slice(0, 4)).toEqual([
      'example.com/log',
      '3',
      Buffer.from(head.root).toString('base64'),
      '',
    ])
    expect(openCheckpoint(note, [vkey])).toEqual({ origin: signer.name, ...head })
  })

  test('speaks for the log its key is named after, and no other', () => {
    const other = makeNoteSigner('example.com/log2')
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    expect(() => openCheckpoint(signNote(text, other), [vkeyOf(other), vkey])).toThrow(
      /another log/,
    )
  })

  test('is also read with extension lines, and with the empty log', () => {
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    expect(openCheckpoint(signNote(`${text}extension\n`, signer), [vkey]).size).toBe(3)
    expect(openCheckpoint(signCheckpoint({ ...head, size: 0 }, signer), [vkey]).size).toBe(0)
  })

  test.each([
    ['a leading zero', `${signer.name}\n03\n${b64(head.root)}\n`],
    ['a sign', `${signer.name}\n+3\n${b64(head.root)}\n`],
    ['a number too large', `${signer.name}\n9007199254740993\n${b64(head.root)}\n`],
    ['a short root', `${signer.name}\n3\n${b64(head.root.subarray(1))}\n`],
    ['two lines', `${signer.name}\n3\n`],
    ['an empty extension', `${signer.name}\n3\n${b64(head.root)}\n\n`],
  ])('with %s is refused though its signature fits', (_, text) => {
    expect(() => openCheckpoint(signNote(text, signer), [vkey])).toThrow(/not-verified/)
  })
})

describe('a proof file', () => {
  const leaves = Array.from({ length: 5 }, (_, i) => leafHash(`entry ${i}`))
  const { frontier } = extend({ size: 0, peaks: [] }, leaves)
  const note = signCheckpoint({ size: 5, root: rootOf(frontier) }, signer)
  const hashOf = (level: number, index: number) =>
    rootOf(
      extend({ size: 0, peaks: [] }, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
        .frontier,
    )
  const file = (position: number) =>
    writeTlogProof({ position, path: inclusionPath(position, 5, hashOf), note })

  test('says the position, the path and the checkpoint, and verifies offline', () => {
    for (const position of [0, 1, 4]) {
      const proof = file(position)
      expect(proof.split('\n').slice(0, 2)).toEqual(['c2sp.org/tlog-proof@v1', `index ${position}`])
      expect(proof.endsWith(`\n\n${note}`)).toBe(true)
      expect(parseTlogProof(proof).note).toBe(note)
      const verified = verifyTlogProof(proof, `entry ${position}`, [vkey])
      expect(verified).toMatchObject({ position, checkpoint: { size: 5 } })
    }
  })

  test('of the only entry has an empty path', () => {
    const one = extend({ size: 0, peaks: [] }, [leafHash('only')]).frontier
    const single = signCheckpoint({ size: 1, root: rootOf(one) }, signer)
    const proof = writeTlogProof({ position: 0, path: [], note: single })
    expect(verifyTlogProof(proof, 'only', [vkey]).position).toBe(0)
  })

  test('may carry extra data, which proves nothing', () => {
    const extra = file(2).replace('\nindex', '\nextra AAAA\nindex')
    expect(verifyTlogProof(extra, 'entry 2', [vkey]).position).toBe(2)
  })

  test.each([
    ['another entry', file(2), 'entry 3'],
    ['another position', file(2).replace('index 2', 'index 3'), 'entry 2'],
    ['a position beyond the log', file(2).replace('index 2', 'index 9'), 'entry 2'],
    ['a padded position', file(2).replace('index 2', 'index 02'), 'entry 2'],
    ['another format', file(2).replace('@v1', '@v2'), 'entry 2'],
    ['a hash fewer', file(2).replace(/(index 2\n)[^\n]+\n/, '$1'), 'entry 2'],
    ['another checkpoint', file(2).replace('\n5\n', '\n6\n'), 'entry 2'],
    ['no checkpoint', file(2).split('\n\n')[0] ?? '', 'entry 2'],
  ])('does not verify for %s', (_, proof, leaf) => {
    expect(() => verifyTlogProof(proof, leaf, [vkey])).toThrow(/not-verified/)
  })

  test('does not verify by a key of somebody else', () => {
    const stranger = vkeyOf(makeNoteSigner())
    expect(() => verifyTlogProof(file(2), 'entry 2', [stranger])).toThrow(/no known key/)
  })
})

test('the signature is Ed25519 over the text with its last newline', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const blob = signNote('a\n', {
    name: 'n',
    publicKey: raw,
    sign: bytes => sign(null, bytes, key),
  })
  const signature = Buffer.from(blob.split(' ')[2] ?? '', 'base64').subarray(4)
  expect(signature).toEqual(sign(null, Buffer.from('a\n'), key))
})

function b64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** The same bytes by another base64 text: its unused bits are set. */
function loosen(note: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return note.replace(
    /(.)(=+)\n$/,
    (_, last: string, pad: string) => `${digits[digits.indexOf(last) + 1]}${pad}\n`,
  )
}
