/** What the front of apps is given by the server that starts it. It holds no right of its own. */

import type { KeyObject } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { JSONWebKeySet } from 'jose'
import type { IdentityId, PersonId, TaskId } from '../src/core/base/ids.ts'
import type { Clock } from '../src/core/base/time.ts'

export interface FrontWorld {
  /** Origin of the server's own pages. */
  readonly issuer: string
  /** Origin of the pages of an app: a host of its own. */
  readonly addressOf: (slug: string) => string
  readonly clock: Clock
  /** Where what CI ships runs; null: nowhere. */
  readonly runner: { readonly address: string } | null
  readonly apps: Apps
  readonly signer: () => { readonly kid: string; readonly privateKey: KeyObject }
  readonly tokenJwks: () => JSONWebKeySet
  /** Retired ones too. */
  readonly everyTokenJwk: () => { keys: object[] }
  readonly personOf: (id: PersonId) => Promise<Visitor | undefined>
  /** A page for people, by its name and what stands in its places; all of it is text. */
  readonly page: (name: string, title: string, parts: Parts) => string
  readonly style: string
  /** Answers an upgrade that is not let through, and closes it. */
  readonly refuse: (socket: Socket, thrown: unknown) => void
  readonly log: (line: Readonly<Record<string, unknown>>) => void
}

export type Parts = Readonly<Record<string, string | undefined>>

export interface Visitor {
  readonly id: PersonId
  readonly name: string
  readonly email: string | null
}

export interface Apps {
  find(slug: string): object | undefined
  /** Why this person may not open it now; undefined where they may. Asked at every request. */
  denied(slug: string, actor: { kind: 'person'; id: PersonId }): string | undefined
  /** The same as a visit begins: written down, with the task that shipped what answers. */
  open(slug: string, id: PersonId, by?: TaskId): Promise<string | undefined>
  /** Problem for who may not answer for the app, or ship what does; else how to ask, later, whether they still may. */
  serve(req: IncomingMessage, slug: string, asked: Asked): Promise<Serving>
  describe(slug: string): Promise<Described | undefined>
}

/** The run of CI that shipped what answers, and the identity it was. */
export type Origin = Readonly<{ sub: IdentityId; task: TaskId; commit: string; run: string }>
/** With the bundle, by its digest, and when it was shipped: what a warrant says. */
export type Shipped = Origin & { readonly digest: string; readonly at: number }
/** `isTaken`: what CI shipped answers, and is newer. */
export type Asked = Readonly<{ ships?: string; shipped?: Shipped | undefined; isTaken?: boolean }>
export type Serving = Readonly<{ over: () => string | undefined; origin: Origin | undefined }>

export interface Described {
  readonly slug: string
  readonly state: string
  readonly owner: string
  readonly mail: string | undefined
  readonly endsAt: string
  readonly endedAt: string | null
  /** Its end was proven. */
  readonly isGone: boolean
}
