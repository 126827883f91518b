/** DSSE v1: the envelope of a signed statement. Pure; the key is an argument. Source: secure-systems-lab/dsse. */

export interface Envelope {
  readonly payloadType: string
  /** Base64 (standard, padded) of the payload. */
  readonly payload: string
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

export const statementType = 'application/vnd.in-toto+json'

/** Pre-authentication encoding: what is signed, so that type and payload can not be confused. */
export function preAuthEncode(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}

export function sealStatement(
  statement: string,
  signer: { readonly kid: string; sign(data: Uint8Array): Uint8Array },
): Envelope {
  const payload = Buffer.from(statement)
  const sig = signer.sign(preAuthEncode(statementType, payload))
  return {
    payloadType: statementType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: signer.kid, sig: Buffer.from(sig).toString('base64') }],
  }
}
