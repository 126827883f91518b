/**
 * Passkeys (WebAuthn Level 3): proof that a person is there, for one thing that they were shown. Whoever
 * has one says yes with it and in no other way, so that neither a stolen token nor an agent at their
 * keyboard can. What a signature must hold is `@simplewebauthn/server`'s to know; which challenge is good
 * for whom, once, and for what, is ours.
 *
 * ATTACKER: has the person's token and adds a passkey of their own; shows an old yes again; lets a person
 * confirm something else than the page says. So: the first is added in a browser session, each further
 * one with one that is there; a challenge is taken once; and it is of the hash of what is agreed.
 */
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { sha256Hex } from '../../core/base/hash.ts'
import { newId, type PasskeyId, type PersonId } from '../../core/base/ids.ts'
import { problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import { addSeconds, type Instant } from '../../core/base/time.ts'
import { fact, factTable, listWhere } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import { verb } from '../../core/ledger/verb.ts'
import { findPerson } from '../../core/people/rows.ts'
import { onTaken } from '../../core/store/fault.ts'
import { bounds } from './bounds.ts'
import { insertSignIn, takeSignIn } from './rows.ts'

export const passkeyTable = factTable('passkey', ({ state }) => state === 'active', {
  id: fact<PasskeyId>(),
  personId: fact<PersonId>(),
  credentialId: fact<string>(),
  publicKey: fact<string>(),
  state: fact<'active' | 'removed'>(),
  madeAt: fact<Instant>(),
  endedAt: fact<Instant | null>(),
})

const added = entryKind('passkey.add', 'added a passkey')
const removed = entryKind('passkey.remove', 'removed a passkey')

/** Loaded when somebody has a passkey: most days nobody makes one. */
const webauthn = () => import('@simplewebauthn/server')
/** COSE: ES256 and RS256, which every browser and device has. */
const supportedAlgorithmIDs = [-7, -257]

export interface PasskeyWorld extends LedgerWorld {
  /** Where our pages are; passkeys are good for its host alone. */
  readonly issuer: string
}

/** Whose it is, and what exactly it is for: `add`, or a yes to the hash of a request. */
interface For {
  readonly personId: PersonId
  readonly about: string
}

export const yesTo = (request: { id: string; bodyHash: string }) =>
  `yes ${request.id} ${request.bodyHash}`

export function passkeysOf(world: Pick<PasskeyWorld, 'replica'>, personId: PersonId) {
  return world.replica.by(passkeyTable, 'personId', personId)
}

/** What one passkey says yes to when another is added. */
export const anotherOne = 'another passkey'

/** What a browser is given to make one: `PublicKeyCredentialCreationOptionsJSON`. */
export async function offerPasskey(world: PasskeyWorld, personId: PersonId) {
  const known = passkeysOf(world, personId)
  if (known.length >= bounds.passkeys) throw problemOf('too-many-passkeys', { count: known.length })
  const person = await findPerson(world.store, personId)
  const { generateRegistrationOptions } = await webauthn()
  const options = await generateRegistrationOptions({
    supportedAlgorithmIDs,
    rpName: product.name,
    rpID: new URL(world.issuer).hostname,
    userName: person?.email ?? person?.name ?? personId,
    userID: Buffer.from(personId),
    attestationType: 'none',
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    excludeCredentials: known.map(({ credentialId: id }) => ({ id })),
  })
  await remember(world, options.challenge, { personId, about: 'add' })
  return options
}

/** Problem `token-refused` for anything but the answer to what was offered, `human-required` as `checkPasskey`. */
export async function addPasskey(
  world: PasskeyWorld,
  personId: PersonId,
  given: { response: object; proof?: object | undefined },
) {
  await checkPasskey(world, { personId, about: anotherOne }, given.proof)
  const { verifyRegistrationResponse } = await webauthn()
  const { registrationInfo } = await verifyRegistrationResponse({
    ...placeOf(world),
    supportedAlgorithmIDs,
    response: given.response as RegistrationResponseJSON,
    expectedChallenge: challenge => take(world, challenge, { personId, about: 'add' }),
  }).catch(refuse)
  if (registrationInfo === undefined) throw refused
  const { id: credentialId, publicKey } = registrationInfo.credential
  const held = { credentialId, publicKey: Buffer.from(publicKey).toString('base64url') }
  return recorded(world, async scope => {
    scope.entry({ kind: added, by: personId })
    return scope.insert(passkeyTable, { id: newId('passkey'), personId, ...held, state: 'active' })
  }).catch(onTaken('passkey_credential_id_key', problemOf('passkey-known')))
}

/** All of somebody who lost theirs, by another person who may let people in. */
export const removePasskeys = verb(
  'person.add',
  'personId',
  async (scope, { personId }: Pick<For, 'personId'>, by) => {
    // ATTACKER: takes away the passkey of whose token they have, and says yes without one.
    if (by.actor === personId) throw byAnother
    const theirs = { personId, state: 'active' } as const
    const known = await listWhere(scope.tx, passkeyTable, theirs, 'for update')
    if (known.length > 0) scope.entry({ kind: removed, by })
    for (const passkey of known)
      await scope.save(passkeyTable, passkey, { ...passkey, state: 'removed', endedAt: scope.at })
  },
)

const byAnother = problemOf('own-passkeys-kept')

/** What a browser is given to prove that they are there: `PublicKeyCredentialRequestOptionsJSON`. Null where they have none. */
export async function askPasskey(world: PasskeyWorld, asked: For) {
  const known = passkeysOf(world, asked.personId)
  if (known.length === 0) return null
  const { generateAuthenticationOptions } = await webauthn()
  const options = await generateAuthenticationOptions({
    rpID: new URL(world.issuer).hostname,
    userVerification: 'required',
    allowCredentials: known.map(({ credentialId: id }) => ({ id })),
  })
  await remember(world, options.challenge, asked)
  return options
}

/**
 * The passkey that proved it; null for a person who has none. Problem `human-required` where they have one
 * and nothing was shown, `token-refused` where it was not theirs, not for this, or shown before.
 */
export async function checkPasskey(
  world: PasskeyWorld,
  asked: For,
  response: object | undefined,
): Promise<PasskeyId | null> {
  const known = passkeysOf(world, asked.personId)
  if (known.length === 0) return null
  if (response === undefined) throw problemOf('passkey-needed', { issuer: world.issuer })
  const shown = response as AuthenticationResponseJSON
  const passkey = known.find(({ credentialId }) => credentialId === shown.id)
  if (passkey === undefined) throw refused
  const { verifyAuthenticationResponse } = await webauthn()
  const { verified } = await verifyAuthenticationResponse({
    ...placeOf(world),
    response: shown,
    expectedChallenge: challenge => take(world, challenge, asked),
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
      // Synced passkeys do not count, so a counter could refuse none of them.
      counter: 0,
    },
  }).catch(refuse)
  if (!verified) throw refused
  return passkey.id
}

function placeOf({ issuer }: PasskeyWorld) {
  const expectedRPID = new URL(issuer).hostname
  return { expectedOrigin: issuer, expectedRPID, requireUserVerification: true }
}

async function remember({ store, clock }: PasskeyWorld, challenge: string, asked: For) {
  const now = clock.now()
  const expiresAt = addSeconds(now, bounds.passkeySeconds)
  const row = { hash: hashOf(challenge), body: textOf(asked), expiresAt }
  if (await insertSignIn(store, row, { now, most: bounds.signInsOpen })) return
  throw problemOf('too-many-company-sign-ins')
}

/** Once: whoever comes second with it comes with nothing. */
async function take({ store, clock }: PasskeyWorld, challenge: string, asked: For) {
  return (await takeSignIn(store, hashOf(challenge), clock.now())) === textOf(asked)
}

const hashOf = (challenge: string) => sha256Hex(`passkey\n${challenge}`)
const textOf = ({ personId, about }: For) => `passkey ${personId} ${about}`

/** Its own words may quote what was sent. */
const refused = problemOf('passkey-refused')
const refuse = () => Promise.reject(refused)
