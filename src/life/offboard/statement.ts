/**
 * The end certificate as an in-toto statement: what was looked at, by which paths, when, and what was
 * not. Pure. Without a scope it is not a certificate: the verifier refuses it.
 * Source: in-toto Attestation Framework, Statement v1.
 */
import { canonicalJson } from '../../core/base/json.ts'
import { product } from '../../core/base/product.ts'
import type { Instant } from '../../core/base/time.ts'
import { isGreen, type PlanItem } from './item.ts'
import type { Plan, SystemLook } from './plan.ts'

export const certificateType = `${product.typeBase}/end-certificate/v1`

export interface StatementInput {
  readonly app: {
    readonly id: string
    readonly slug: string
    readonly owner: string
    readonly backup: string
  }
  readonly installation: {
    readonly id: string
    readonly name: string
    readonly trustDomain: string
    readonly mode: string
  }
  readonly plan: Plan
  readonly items: readonly PlanItem[]
  readonly systems: readonly SystemLook[]
  readonly endedBy: string
  readonly endedAt: Instant
  readonly at: Instant
  readonly rechecks: number
}

/** `verified-gone` only when every item is and every system the app names was looked at. */
export function certificateState(items: readonly PlanItem[]): 'verified-gone' | 'not-green' {
  return items.every(isGreen) ? 'verified-gone' : 'not-green'
}

export function statementOf(input: StatementInput): string {
  const { app, installation, plan, items, systems } = input
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
      state: certificateState(items),
      app,
      installation,
      endedBy: input.endedBy,
      endedAt: input.endedAt,
      at: input.at,
      rechecks: input.rechecks,
      plan: plan.text,
      items: items.map(({ order, kind, id, name, system, state, paths, because, at }) => ({
        order,
        kind,
        id,
        name,
        system,
        state,
        paths,
        because,
        at,
      })),
      scope: { at: input.at, systems },
    },
  })
}
