/**
 * What PostgreSQL keeps of a password (RFC 5802, RFC 7677), computed here: the password itself never
 * stands in a statement, so it can not reach a server's log.
 */
import { hash, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { hmacSha256 } from '../../core/base/hash.ts'
import { assert } from '../../core/base/problem.ts'

const derive = promisify(pbkdf2)
const iterations = 4096

/** `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`: only these characters, safe in a literal. */
export async function scramVerifier(
  secret: string,
  salt: Uint8Array = randomBytes(16),
): Promise<string> {
  // SASLprep leaves printable ASCII as it is; anything else would need it.
  assert(/^[\x21-\x7e]+$/.test(secret), 'a secret is printable ASCII')
  const salted = await derive(secret, salt, iterations, 32, 'sha256')
  const storedKey = hash('sha256', hmacSha256(salted, 'Client Key'), 'base64')
  const serverKey = hmacSha256(salted, 'Server Key').toString('base64')
  const salt64 = Buffer.from(salt).toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt64}$${storedKey}:${serverKey}`
}
