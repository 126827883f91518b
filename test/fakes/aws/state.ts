/** What a pretend account of AWS holds: its own list of what exists, with which a lie is found out. */
import { randomBytes } from 'node:crypto'
import type { Json } from '../../../src/core/base/json.ts'
import { addMs, type Instant } from '../../../src/core/base/time.ts'
import type { Fault } from '../github/state.ts'
import { type Context, decide, type Policy } from './policies.ts'

export interface FakeKey {
  readonly id: string
  readonly secret: string
  readonly madeAt: Instant
  lastUsedAt: Instant | null
}
export interface FakeUser {
  readonly name: string
  readonly id: string
  readonly madeAt: Instant
  readonly keys: FakeKey[]
  hasPassword: boolean
  devices: number
  policy: Policy | undefined
}

export interface FakeRole {
  readonly name: string
  readonly path: string
  readonly id: string
  readonly madeAt: Instant
  readonly trust: Policy
  readonly boundary: string | undefined
  readonly tags: Readonly<Record<string, string>>
  readonly longestSeconds: number
  /** As IAM tells them, and as they hold; the same but for a while. */
  readonly told: Map<string, string>
  readonly held: Map<string, string>
  attached: string[]
  lastUsedAt: Instant | null
}

export interface FakeSession {
  readonly keyId: string
  readonly secret: string
  readonly token: string
  readonly roleId: string
  readonly name: string
  readonly policy: Policy | undefined
  readonly issuedAt: Instant
  readonly expiresAt: Instant
  isDropped: boolean
}

/** What a change of a role's policies does after it was answered well. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It comes later: where IAM tells it, or where it holds, or both. */
  | { readonly ms: number; readonly path?: 'lists' | 'session' }

export interface State {
  readonly clock: { now(): Instant }
  readonly account: string
  readonly users: Map<string, FakeUser>
  readonly roles: Map<string, FakeRole>
  readonly boundaries: Map<string, Policy>
  readonly sessions: Map<string, FakeSession>
  /** By host and path, as an issuer is named in a trust. */
  readonly issuers: Map<string, { readonly url: string; readonly audiences: readonly string[] }>
  readonly saml: Map<string, { readonly madeAt: Instant; readonly endsAt: Instant }>
  readonly pending: { readonly at: Instant; readonly apply: () => void }[]
  ending: Ending
  /** Of each action, before it is done; undefined: it is answered well. */
  fault: (action: string, input: Readonly<Record<string, string>>) => Fault | undefined
  /** Waits as long as a test wants, between what was checked and what is done. */
  stall: (action: string, input: Readonly<Record<string, string>>) => Promise<void>
}

export function newState(clock: State['clock']): State {
  return {
    clock,
    account: '123456789012',
    users: new Map(),
    roles: new Map(),
    boundaries: new Map(),
    sessions: new Map(),
    issuers: new Map(),
    saml: new Map(),
    pending: [],
    ending: 'honest',
    fault: () => undefined,
    stall: async () => {},
  }
}

export function newUser(state: State, name: string): FakeUser {
  const madeAt = state.clock.now()
  const keys: FakeKey[] = []
  const user = { name, id: newId('AIDA'), madeAt, keys, hasPassword: false, devices: 0 }
  const made: FakeUser = { ...user, policy: undefined }
  state.users.set(name, made)
  return made
}

export function newKey(state: State, user: FakeUser): FakeKey {
  const secret = randomBytes(30).toString('base64')
  const key = { id: newId('AKIA'), secret, madeAt: state.clock.now(), lastUsedAt: null }
  user.keys.push(key)
  return key
}

export function newId(prefix: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  return prefix + [...randomBytes(17)].map(byte => letters[byte % 32]).join('')
}

export function arnOf(state: State, kind: string, { path = '/', name }: Partial<FakeRole>): string {
  return `arn:aws:iam::${state.account}:${kind}${path}${name}`
}

/** Now, or when the mode says; the two may differ. */
export function change(state: State, role: FakeRole, apply: (policies: FakeRole['told']) => void) {
  const { ending } = state
  if (ending === 'lies') return
  for (const [path, policies] of [
    ['lists', role.told],
    ['session', role.held],
  ] as const) {
    const isLate = ending !== 'honest' && (ending.path ?? path) === path
    const at = isLate ? addMs(state.clock.now(), ending.ms) : state.clock.now()
    state.pending.push({ at, apply: () => apply(policies) })
  }
  settle(state)
}

/** Does what is due by now. */
export function settle(state: State): void {
  const now = state.clock.now()
  for (const one of state.pending.filter(({ at }) => at <= now)) {
    one.apply()
    state.pending.splice(state.pending.indexOf(one), 1)
  }
}

/** Why AWS says no to this use of a session, or undefined. */
export function refusal(
  state: State,
  one: FakeSession,
  action: string,
  resource: string,
  more: Context = {},
) {
  settle(state)
  const now = state.clock.now()
  const role = [...state.roles.values()].find(({ id }) => id === one.roleId)
  if (role === undefined || one.isDropped) return 'InvalidClientTokenId'
  if (now >= one.expiresAt) return 'ExpiredToken'
  role.lastUsedAt = now
  // Nobody can be denied that.
  if (action === 'sts:GetCallerIdentity') return undefined
  const context: Context = {
    ...more,
    'aws:userid': `${one.roleId}:${one.name}`,
    'aws:TokenIssueTime': one.issuedAt,
    'aws:CurrentTime': now,
  }
  const asked = { action, resource, context }
  const own = [...role.held.values()].map(text => JSON.parse(text) as Policy)
  const bounds = [one.policy, state.boundaries.get(role.boundary ?? '')].filter(each => each)
  const says = [decide(own, asked), ...bounds.map(each => decide(each ? [each] : [], asked))]
  return says.every(each => each === 'allowed') ? undefined : 'AccessDenied'
}

export type Input = Readonly<Record<string, string>>
export type Answer = Readonly<Record<string, Json | undefined>>

/** What AWS says in place of an answer. */
export class Refusal extends Error {
  readonly code: string
  readonly status: number
  constructor(code: string, status = 400) {
    super(code)
    this.code = code
    this.status = status
  }
}
