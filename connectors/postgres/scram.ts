/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) from both ends: what a server keeps, what it checks, what a
 * client proves. Without channel binding. Pure but for the derivation, which is the slow part.
 */
import { hash, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { hmacSha256 } from '../../src/core/base/hash.ts'
import { assert } from '../../src/core/base/problem.ts'

export const mechanism = 'SCRAM-SHA-256'
export const rounds = 4096

const derive = promisify(pbkdf2)

export interface ScramKeys {
  readonly clientKey: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** What both ends say, in the order it is signed. */
export interface Exchange {
  /** The client's first message without its header: `n=,r=…`. */
  readonly clientFirst: string
  /** `r=…,s=…,i=…` */
  readonly serverFirst: string
  /** `c=…,r=…`: the client's last message without its proof. */
  readonly clientFinal: string
}

export async function scramKeys(
  secret: string,
  salt: Uint8Array,
  iterations: number,
): Promise<ScramKeys> {
  // SASLprep leaves printable ASCII as it is; anything else would need it.
  assert(/^[\x21-\x7e]+$/.test(secret), 'a secret is printable ASCII')
  const salted = await derive(secret, salt, iterations, 32, 'sha256')
  const clientKey = hmacSha256(salted, 'Client Key')
  return {
    clientKey,
    storedKey: hash('sha256', clientKey, 'buffer'),
    serverKey: hmacSha256(salted, 'Server Key'),
  }
}

export function proofOf({ clientKey, storedKey }: ScramKeys, exchange: Exchange): Buffer {
  return xor(clientKey, hmacSha256(storedKey, signedText(exchange)))
}

/** Whether whoever made `proof` knows the secret. */
export function checkProof(keys: ScramKeys, exchange: Exchange, proof: Buffer): boolean {
  if (proof.length !== keys.storedKey.length) return false
  const clientKey = xor(proof, hmacSha256(keys.storedKey, signedText(exchange)))
  return timingSafeEqual(hash('sha256', clientKey, 'buffer'), keys.storedKey)
}

/** By which a server shows that it knows what it keeps. */
export function serverSignature({ serverKey }: ScramKeys, exchange: Exchange): Buffer {
  return hmacSha256(serverKey, signedText(exchange))
}

function signedText({ clientFirst, serverFirst, clientFinal }: Exchange): string {
  return `${clientFirst},${serverFirst},${clientFinal}`
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)))
}

/**
 * What PostgreSQL keeps of a password, computed here: the password itself never stands in a statement,
 * so it can not reach a server's log.
 * `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`: only these characters, safe in a literal.
 */
export async function scramVerifier(
  secret: string,
  salt: Uint8Array = randomBytes(16),
): Promise<string> {
  const { storedKey, serverKey } = await scramKeys(secret, salt, rounds)
  const salt64 = Buffer.from(salt).toString('base64')
  const keys64 = `${storedKey.toString('base64')}:${serverKey.toString('base64')}`
  return `${mechanism}$${rounds}:${salt64}$${keys64}`
}
