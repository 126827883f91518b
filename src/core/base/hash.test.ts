import { expect, it } from 'vitest'
import { base64url, equalInConstantTime, hmacSha256, sha256, sha256Hex } from './hash.ts'

it('hashes as FIPS 180-4 says, text as UTF-8', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(sha256('é')).toEqual(sha256(new Uint8Array([0xc3, 0xa9])))
})

it('keys a hash as RFC 4231 says (case 2)', () => {
  const mac = hmacSha256(Buffer.from('Jefe'), 'what do ya want for nothing?')
  expect(mac.toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  )
})

it('writes base64url without padding', () => {
  expect(base64url(new Uint8Array([0xfb, 0xff, 0xfe, 0x00]))).toBe('-__-AA')
})

it('equal is equal, different and of different length is not', () => {
  expect(equalInConstantTime('secret', Buffer.from('secret'))).toBe(true)
  expect(equalInConstantTime('secret', 'Secret')).toBe(false)
  expect(equalInConstantTime('secret', 'secret ')).toBe(false)
  expect(equalInConstantTime('', 'x')).toBe(false)
})
