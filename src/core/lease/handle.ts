/** What a caller gets: how to use the credential, once, over the wire, and nowhere else. */
import type { Instant } from '../base/time.ts'
import type { Issued } from '../target/target.ts'
import type { LeaseRow } from './rows.ts'

export interface Handle {
  /** `env`: the secret itself, for the caller's environment. Only where policy permits. */
  readonly via: 'env'
  readonly connect: Readonly<Record<string, string | number>>
  readonly secret: string
  readonly termEndsAt: Instant
  readonly endsAt: Instant
  readonly diesAt: Instant | null
}

export function makeHandle(lease: LeaseRow, issued: Issued, secret: string): Handle {
  return {
    via: 'env',
    connect: issued.connect,
    secret,
    termEndsAt: lease.termEndsAt,
    endsAt: lease.endsAt,
    diesAt: lease.diesAt,
  }
}
