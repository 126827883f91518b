import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonicalJson } from '../base/json.ts'
import { isProblem } from '../base/problem.ts'
import { fromMs } from '../base/time.ts'
import { makePair, pairOf, signWith, thumbprint } from './pair.ts'
import { type KeyTable, signKeyTable, type TableKey, verifyKeyTable } from './table.ts'

const root = makePair('EdDSA')
const ledger = makePair('EdDSA')

function entry(use: TableKey['use'], pair: typeof root): TableKey {
  return {
    kid: pair.kid,
    use,
    alg: pair.alg,
    jwk: pair.publicJwk,
    state: 'active',
    notBefore: fromMs(0),
  }
}

const keys = [entry('root', root), entry('ledger', ledger), entry('token', makePair('ES256'))]
const signed = signKeyTable(root, { serial: 1, installation: 'in_1', keys })

function refused(body: string, signature: string, fingerprint: string): string {
  try {
    verifyKeyTable(body, signature, fingerprint)
  } catch (thrown) {
    if (isProblem(thrown)) return `${thrown.code}: ${thrown.detail}`
    throw thrown
  }
  throw new Error('it held')
}

describe('a key table', () => {
  it('holds for whoever pinned the root', () => {
    const table = verifyKeyTable(signed.body, signed.signature, signed.rootFingerprint)
    expect(table).toMatchObject({ serial: 1, installation: 'in_1' })
    expect(table.keys.map(key => key.use)).toEqual(['root', 'ledger', 'token'])
    expect(signed.body).toBe(canonicalJson(table))
  })

  it('is checked by anybody with a stock Ed25519', () => {
    const { x } = root.publicJwk
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    expect(
      verify(null, Buffer.from(signed.body), key, Buffer.from(signed.signature, 'base64url')),
    ).toBe(true)
  })

  it('does not hold when one byte is another', () => {
    for (const at of [signed.body.indexOf('in_1'), signed.body.indexOf('"serial":1') + 9]) {
      const other = signed.body.slice(0, at) + '7' + signed.body.slice(at + 1)
      expect(refused(other, signed.signature, signed.rootFingerprint)).toContain('did not sign it')
    }
    const cut = signed.signature.slice(0, -4)
    expect(refused(signed.body, cut, signed.rootFingerprint)).toContain('did not sign it')
    expect(refused(signed.body, '', signed.rootFingerprint)).toContain('did not sign it')
  })

  it('does not hold under another root, also when that one signed it and names itself', () => {
    const other = makePair('EdDSA')
    const forged = signKeyTable(other, {
      serial: 2,
      installation: 'in_1',
      keys: [entry('root', other)],
    })
    expect(refused(forged.body, forged.signature, signed.rootFingerprint)).toContain('pinned')
    expect(refused(signed.body, signed.signature, forged.rootFingerprint)).toContain('pinned')
  })

  it('does not hold when somebody else signed it in the name of the root', () => {
    const forged = signKeyTable(ledger, { serial: 2, installation: 'in_1', keys })
    expect(refused(forged.body, forged.signature, signed.rootFingerprint)).toContain('did not sign')
  })

  it('does not hold when a key goes by the name of another', () => {
    const swapped = [entry('root', root), { ...entry('ledger', ledger), kid: root.kid }]
    const table = signKeyTable(root, { serial: 1, installation: 'in_1', keys: swapped })
    expect(refused(table.body, table.signature, table.rootFingerprint)).toContain('name of its key')
  })

  it('is not taken for one what the root signed for another purpose', () => {
    const body = canonicalJson({ type: 'other', serial: 1, installation: 'in_1', keys })
    const signature = signWith(root, Buffer.from(body)).toString('base64url')
    expect(refused(body, signature, signed.rootFingerprint)).toContain('no key table')
  })

  it.each<[string, (table: KeyTable) => unknown]>([
    ['no object', () => []],
    ['no keys', ({ keys: _keys, ...rest }) => rest],
    ['keys that are no list', table => ({ ...table, keys: {} })],
    ['a key that is text', table => ({ ...table, keys: ['root'] })],
    [
      'a key without its public part',
      table => ({ ...table, keys: [{ ...table.keys[0], jwk: null }] }),
    ],
    [
      'a public part of numbers',
      table => ({ ...table, keys: [{ ...table.keys[0], jwk: { x: 1 } }] }),
    ],
    ['a serial of text', table => ({ ...table, serial: '1' })],
  ])('with %s is refused, not stumbled over', (_what, change) => {
    const body = canonicalJson(change(JSON.parse(signed.body) as KeyTable))
    expect(refused(body, signed.signature, signed.rootFingerprint)).toMatch(
      /not-verified.*no key table/,
    )
  })

  it('that is no JSON, or names a root of another kind, is refused', () => {
    expect(refused('{', signed.signature, signed.rootFingerprint)).toContain('bad-json')
    const odd = makePair('ES256')
    const jwk = { ...odd.publicJwk, x: root.publicJwk.x }
    const table = signKeyTable(odd, {
      serial: 1,
      installation: 'in_1',
      keys: [{ ...entry('root', odd), jwk }],
    })
    expect(refused(table.body, table.signature, signed.rootFingerprint)).toContain(
      'did not sign it',
    )
  })
})

describe('a key pair', () => {
  it('is named as RFC 7638 and RFC 8037 appendix A.3 say', () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    expect(thumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })

  it('signs as RFC 8032 §7.1 says (test 1)', () => {
    // A published test vector, not a key of anybody's.
    const d = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const x = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')
    const key = createPrivateKey({
      key: { kty: 'OKP', crv: 'Ed25519', d: d.toString('base64url'), x: x.toString('base64url') },
      format: 'jwk',
    })
    expect(signWith(pairOf('EdDSA', key), Buffer.alloc(0)).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
  })

  it('of ES256 signs as JWS wants it: 64 bytes, not DER', () => {
    const pair = makePair('ES256')
    const signature = signWith(pair, Buffer.from('x'))
    expect(signature).toHaveLength(64)
    const key = createPublicKey(pair.privateKey)
    expect(verify('sha256', Buffer.from('x'), { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(
      true,
    )
    expect(verify('sha256', Buffer.from('y'), { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(
      false,
    )
    const der = sign('sha256', Buffer.from('x'), pair.privateKey)
    expect(der.length).toBeGreaterThan(64)
  })

  it('never shows its private part in what is published', () => {
    const pair = makePair('EdDSA')
    const { d } = pair.privateKey.export({ format: 'jwk' })
    expect(Object.keys(pair.publicJwk)).toEqual(['kty', 'crv', 'x'])
    expect(JSON.stringify(pair.publicJwk)).not.toContain(d)
  })
})
