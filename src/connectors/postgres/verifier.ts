/**
 * What PostgreSQL keeps of a password, computed here: the password itself never stands in a statement,
 * so it can not reach a server's log.
 */
import { randomBytes } from 'node:crypto'
import { mechanism, rounds, scramKeys } from './scram.ts'

/** `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`: only these characters, safe in a literal. */
export async function scramVerifier(
  secret: string,
  salt: Uint8Array = randomBytes(16),
): Promise<string> {
  const { storedKey, serverKey } = await scramKeys(secret, salt, rounds)
  const salt64 = Buffer.from(salt).toString('base64')
  const keys64 = `${storedKey.toString('base64')}:${serverKey.toString('base64')}`
  return `${mechanism}$${rounds}:${salt64}$${keys64}`
}
