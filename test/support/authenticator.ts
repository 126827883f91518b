/**
 * A pretend authenticator with one key (WebAuthn Level 3 §6.1, §6.5.1): what a device answers to a page,
 * written byte by byte, so that a test can also answer wrongly.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** What the device believes, which a test may bend. */
export interface Seen {
  readonly origin: string
  readonly challenge: string
  /** User present 1, user verified 4, with a new key 64. */
  readonly flags?: number
  readonly type?: string
}

export type Authenticator = ReturnType<typeof makeAuthenticator>

export function makeAuthenticator() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rawId = randomBytes(16)
  const id = rawId.toString('base64url')
  const about = (seen: Seen, type: string) =>
    Buffer.from(
      JSON.stringify({
        type: seen.type ?? type,
        challenge: seen.challenge,
        origin: seen.origin,
        crossOrigin: false,
      }),
    )
  const answer = (response: object) => {
    return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response }
  }
  return {
    id,
    /** As `navigator.credentials.create()` answers, in JSON. */
    create(seen: Seen) {
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
      const cose = Buffer.concat([
        Buffer.from('a5010203262001215820', 'hex'),
        Buffer.from(x, 'base64url'),
        Buffer.from('225820', 'hex'),
        Buffer.from(y, 'base64url'),
      ])
      const held = Buffer.concat([Buffer.alloc(16), Buffer.from([0, rawId.length]), rawId, cose])
      const data = Buffer.concat([dataOf(seen, 64 | 4 | 1), held])
      const attestation = Buffer.concat([
        Buffer.from('a3', 'hex'),
        Buffer.from('63666d74646e6f6e65', 'hex'),
        Buffer.from('6761747453746d74a0', 'hex'),
        Buffer.from('686175746844617461', 'hex'),
        Buffer.from([0x58, data.length]),
        data,
      ])
      return answer({
        clientDataJSON: about(seen, 'webauthn.create').toString('base64url'),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      })
    },
    /** As `navigator.credentials.get()` answers, in JSON. */
    get(seen: Seen) {
      const [clientData, data] = [about(seen, 'webauthn.get'), dataOf(seen, 4 | 1)]
      const signed = Buffer.concat([data, createHash('sha256').update(clientData).digest()])
      return answer({
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: sign('sha256', signed, privateKey).toString('base64url'),
      })
    },
  }
}

function dataOf({ origin, flags }: Seen, usual: number): Buffer {
  const host = createHash('sha256').update(new URL(origin).hostname).digest()
  return Buffer.concat([host, Buffer.from([flags ?? usual, 0, 0, 0, 0])])
}
