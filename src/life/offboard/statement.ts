/**
 * The end certificate as an in-toto statement: what was looked at, by which paths, when, and what was
 * not. Pure. Without a scope it is not a certificate: the verifier refuses it.
 * Source: in-toto Attestation Framework, Statement v1; secure-systems-lab/dsse, DSSE v1, for the envelope,
 * whose key is an argument.
 */
import { canonicalJson } from '../../core/base/json.ts'
import { product } from '../../core/base/product.ts'
import type { Instant } from '../../core/base/time.ts'
import { isGreen, type PlanItem } from './item.ts'
import type { Plan, SystemLook } from './plan.ts'

const certificateType = `${product.typeBase}/end-certificate/v1`

export interface StatementInput {
  readonly app: Readonly<Record<'id' | 'slug' | 'owner' | 'backup', string>>
  readonly installation: Readonly<Record<'id' | 'name' | 'trustDomain' | 'mode', string>>
  readonly plan: Plan
  readonly items: readonly PlanItem[]
  readonly systems: readonly SystemLook[]
  readonly endedBy: string
  readonly endedAt: Instant
  readonly at: Instant
  readonly rechecks: number
}

export function statementOf(input: StatementInput): string {
  const { plan, items, systems, ...said } = input
  const { app, installation, at } = said
  return canonicalJson({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name: `${installation.trustDomain}/app/${app.slug}/plan`,
        digest: { sha256: plan.hash },
      },
    ],
    predicateType: certificateType,
    predicate: {
      state: items.every(isGreen) ? 'verified-gone' : 'not-green',
      ...said,
      plan: plan.text,
      // All of an item but what we call its target.
      items: items.map(({ targetId: _, ...item }) => item),
      scope: { at, systems },
    },
  })
}

const statementType = 'application/vnd.in-toto+json'

/** Pre-authentication encoding: what is signed, so that type and payload can not be confused. */
function preAuthEncode(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}

export function sealStatement(
  statement: string,
  signer: { readonly kid: string; sign(data: Uint8Array): Uint8Array },
) {
  const payload = Buffer.from(statement)
  const sig = signer.sign(preAuthEncode(statementType, payload))
  return {
    payloadType: statementType,
    // Base64, standard and padded.
    payload: payload.toString('base64'),
    signatures: [{ keyid: signer.kid, sig: Buffer.from(sig).toString('base64') }],
  }
}
