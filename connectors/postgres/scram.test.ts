import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { scramVerifier } from './scram.ts'

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()

test('the verifier is that of RFC 7677: it knows the proof and signs the answer of its example', async () => {
  const verifier = await scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))
  const [head, keys] = verifier.split(/\$(?=[^$]*$)/)
  expect(head).toBe('SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==')
  const [storedKey = '', serverKey = ''] = (keys ?? '').split(':')
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const message = [
    'n=user,r=rOprNGfwEbeRWgbNEkqO',
    `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    `c=biws,r=${nonce}`,
  ].join(',')
  const signed = hmac(Buffer.from(serverKey, 'base64'), message).toString('base64')
  expect(signed).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  // What the client proves is its key under the stored key's signature; hashed, it is that key.
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
  const signature = hmac(Buffer.from(storedKey, 'base64'), message)
  const clientKey = Buffer.from(proof.map((byte, at) => byte ^ (signature[at] ?? 0)))
  expect(createHash('sha256').update(clientKey).digest('base64')).toBe(storedKey)
})

test('two verifiers of one secret differ, and hold nothing but characters safe in SQL', async () => {
  const [first, second] = await Promise.all([scramVerifier('pencil'), scramVerifier('pencil')])
  expect(first).not.toBe(second)
  expect(first).toMatch(
    /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}$/,
  )
})

test('a secret that would need SASLprep is a bug, not a guess', async () => {
  await expect(scramVerifier('péncil')).rejects.toThrow(/assertion/)
  await expect(scramVerifier('')).rejects.toThrow(/assertion/)
})
