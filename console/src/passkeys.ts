/**
 * Passkeys, as the browser keeps them. What a person says yes with is asked of the server for exactly that
 * yes, shown by their device, and sent with it.
 */
import { type PasskeyOffer, type PasskeyOptions, type PasskeyView, post, Refused } from './api.ts'

/** Makes one on this device; where there is one already, that one agrees to it first. */
export async function addPasskey(): Promise<PasskeyView> {
  const { options, proof } = await post<PasskeyOffer>('/v1/passkeys/offer')
  const agreed = proof === null ? {} : { proof: await show(proof) }
  const made = await ofDevice(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
        options as unknown as PublicKeyCredentialCreationOptionsJSON,
      ),
    }),
  )
  return post<PasskeyView>('/v1/passkeys', { response: made, ...agreed })
}

/** What goes with a yes to this request: nothing of who has no passkey. */
export async function proofOf(requestId: string): Promise<{ passkey?: object }> {
  const { options } = await post<PasskeyOptions>(`/v1/requests/${requestId}/passkey`)
  return options === null ? {} : { passkey: await show(options) }
}

function show(options: object): Promise<object> {
  return ofDevice(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
        options as unknown as PublicKeyCredentialRequestOptionsJSON,
      ),
    }),
  )
}

/** Who turns away from their device's question has said nothing. */
async function ofDevice(ask: () => Promise<Credential | null>): Promise<object> {
  try {
    const credential = await ask()
    if (credential instanceof PublicKeyCredential) return credential.toJSON()
  } catch (thrown) {
    if (!(thrown instanceof DOMException)) throw thrown
  }
  throw new Refused({
    type: 'about:blank',
    title: 'No passkey was shown',
    code: 'human-required',
    status: 0,
    detail: 'Your device showed no passkey, so nothing was said.',
    next: 'Try again, and unlock your device when it asks.',
    requestId: '',
  })
}
