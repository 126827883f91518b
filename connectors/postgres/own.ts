/**
 * The password of the role we sign in as, which every role may change of itself. Not of leases: `issue.ts`.
 * INVARIANT: the server is sent what it keeps of a password, and never the password.
 */
import type { Call } from './links.ts'
import { scramVerifier } from './scram.ts'

export async function setOwnPassword(call: Call, password: string): Promise<void> {
  const verifier = await scramVerifier(password)
  await call.use('end', sql => sql(`alter role session_user password '${verifier}'`))
}

export async function tryOwn(call: Call) {
  const { user, password, database } = call.config
  return (await call.signIn({ user, password, database })).says
}
