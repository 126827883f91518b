/**
 * Passkeys: what a person's yes is given with, once they have one. They are made in the browser session of
 * the console, because a token of the command line may be somebody else's by now.
 */
import type { RequestRow } from '../../core/approval/rows.ts'
import { problemOf } from '../../core/base/problem.ts'
import {
  addPasskey,
  anotherOne,
  askPasskey,
  checkPasskey,
  offerPasskey,
  type PasskeyWorld,
  passkeysOf,
  removePasskeys,
  yesTo,
} from '../../life/sign-in/passkey.ts'
import type { PersonCaller } from './caller.ts'
import { findPersonBy } from './find.ts'
import { AddPasskey } from './inputs.ts'
import type { Routes } from './route.ts'
import { listOf, PasskeyOffer, PasskeyView } from './views.ts'
import type { ApiWorld } from './world.ts'

export function addPasskeyRoutes(routes: Routes, world: ApiWorld): void {
  routes.add('person GET /v1/passkeys', listOf(PasskeyView), async ({ caller }) => ({
    items: [...passkeysOf(world, caller.personId)],
  }))
  routes.add('person POST /v1/passkeys/offer', PasskeyOffer, async ({ caller }) => {
    const personId = inBrowser(world, caller)
    const proof = await askPasskey(world, { personId, about: anotherOne })
    return { options: { ...(await offerPasskey(world, personId)) }, proof: proof && { ...proof } }
  })
  routes.add('person POST /v1/passkeys', PasskeyView, AddPasskey, async ({ caller, input }) =>
    addPasskey(world, inBrowser(world, caller), input),
  )
  routes.add('person POST /v1/people/:person/passkeys/remove', listOf(PasskeyView), async call => {
    const { id } = await findPersonBy(world.store, call.param('person'), 'person')
    await removePasskeys(world, await call.ask('person.add', 'person', id), { personId: id })
    return { items: [...passkeysOf(world, id)] }
  })
}

/** What the browser of whoever answers shows its passkey for; null where they have none. */
export async function askForYes(world: PasskeyWorld, caller: PersonCaller, request: RequestRow) {
  const options = await askPasskey(world, { personId: caller.personId, about: yesTo(request) })
  return { options: options && { ...options } }
}

/** Of a yes: the passkey that gave it; null for a no, and for who has none. */
export async function provenBy(
  world: PasskeyWorld,
  { personId }: PersonCaller,
  { request, says, passkey }: { request: RequestRow; says: string; passkey: object | undefined },
) {
  if (says !== 'yes') return null
  return checkPasskey(world, { personId, about: yesTo(request) }, passkey)
}

function inBrowser({ issuer }: ApiWorld, caller: PersonCaller) {
  if ('csrf' in caller) return caller.personId
  throw problemOf('passkey-needs-browser', { issuer })
}
