/** What a pretend GitHub holds: its own list of what exists, with which a lie is found out. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { addMs, addSeconds, type Instant } from '../../../src/core/base/time.ts'

export type Level = 'read' | 'write' | 'admin'
export type Permissions = Record<string, Level>

export interface FakeToken {
  readonly value: string
  readonly permissions: Permissions
  /** Null: every repository of the installation. */
  readonly repositoryIds: readonly number[] | null
  readonly diesAt: Instant
  /** When it was told to end; what that means is the mode's. */
  endedAt: Instant | null
  /** What that meant. */
  ending: Ending
  readonly unknownTimes: number
  /** How often it was shown, and since it was told to end. */
  shown: number
  shownSince: number
}

/** What is there, as GitHub's own members say it; what is not said is filled in by the contract. */
export type Row = Record<string, unknown>

export interface FakeEnvironment {
  readonly name: string
  secrets: Row[]
  variables: Row[]
}
export interface FakeRepository {
  id: number
  name: string
  isInstalled: boolean
  keys: Row[]
  secrets: Row[]
  variables: Row[]
  hooks: Row[]
  runners: Row[]
  environments: FakeEnvironment[]
  labels: Row[]
  workflows: Row[]
  /** Those that are over are not kept. */
  runs: Row[]
  archived?: boolean
  /** By path. */
  files?: Map<string, string>
  /** Who changed a file last. */
  changes?: Map<string, { login: string; at: Instant; message?: string }>
  /** Said beside what was asked for. */
  secretNote?: string
}
export interface FakeOrganisation {
  apps: Row[]
  tokens: Row[]
  /** Undefined: the plan has no such list. */
  authorizations: Row[] | undefined
  secrets: Row[]
  variables: Row[]
  hooks: Row[]
  runners: Row[]
}

/** What `DELETE /installation/token` does after it answered 204. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It is let in for a while yet, or so many times, on one path or both. */
  | { readonly ms?: number; readonly times?: number; readonly path?: 'rest' | 'graph' }

/** Done to one request; undefined: it is answered well. */
export type Fault =
  | 'hangs'
  | 'breaks-off'
  /** Does it, and then breaks off. */
  | 'breaks-off-after'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly isAfter?: true }
  | { readonly ms: number }

export interface FakePerson {
  readonly login: string
  readonly isMember: boolean
  /** Of the organisation. Who is none sees of each repository what `role` says. */
  readonly isOwner: boolean
  readonly role: (repository: FakeRepository) => 'admin' | 'push' | 'pull'
  /** What is left of the hour. */
  used: number
  resetAtMs: number
  readonly minute: { at: number; used: number }
}

export interface State {
  readonly clock: { now(): Instant }
  readonly organisation: string
  readonly app: { readonly id: number; readonly clientId: string; readonly slug: string }
  /** Undefined: the key was taken away at GitHub. */
  publicKey: KeyObject | undefined
  readonly installation: { readonly id: number; permissions: Permissions; isSuspended: boolean }
  repositories: FakeRepository[]
  readonly of: FakeOrganisation
  readonly tokens: Map<string, FakeToken>
  /** By the token of each. */
  readonly people: Map<string, FakePerson>
  members: Row[]
  outsiders: Row[]
  ending: Ending
  /** A new token is refused so many times first. */
  unknownTimes: number
  /** More than was asked for. */
  givesMore: Permissions
  /** What it answers well, and does not do. */
  isUndone: (asked: string) => boolean
  /** As GitHub makes them since 2026. */
  isStateless: boolean
  fault: (asked: string) => Fault | undefined
}

export function newState(clock: State['clock'], publicKey: KeyObject): State {
  return {
    clock,
    organisation: 'acme',
    app: { id: 4242, clientId: 'Iv23liTest', slug: 'leasehold-test' },
    publicKey,
    installation: {
      id: 7001,
      permissions: { metadata: 'read', contents: 'write', issues: 'write' },
      isSuspended: false,
    },
    repositories: ['deal-desk', 'billing', 'site'].map((name, i) => newRepository(name, 1001 + i)),
    of: {
      apps: [],
      tokens: [],
      authorizations: undefined,
      secrets: [],
      variables: [],
      hooks: [],
      runners: [],
    },
    tokens: new Map(),
    people: new Map(),
    members: [],
    outsiders: [],
    ending: 'honest',
    unknownTimes: 0,
    givesMore: {},
    isStateless: false,
    isUndone: () => false,
    fault: () => undefined,
  }
}

export function newPerson(login: string, is: Partial<FakePerson> = {}): FakePerson {
  const counted = { used: 0, resetAtMs: 0, minute: { at: 0, used: 0 } }
  return { login, isMember: true, isOwner: true, role: () => 'admin', ...counted, ...is }
}

export function newRepository(name: string, id: number): FakeRepository {
  const lists = { keys: [], secrets: [], variables: [], hooks: [], runners: [] }
  const more = { environments: [], labels: [], workflows: [], runs: [] }
  return { id, name, isInstalled: true, ...lists, ...more }
}

export function newKeys() {
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

export function makeToken(
  { clock, tokens, givesMore, unknownTimes, isStateless, app }: State,
  permissions: Permissions,
  repositoryIds: readonly number[] | null,
): FakeToken {
  const body = isStateless
    ? `${app.id}_${[60, 300, 120].map(bytes => randomBytes(bytes).toString('base64url')).join('.')}`
    : randomBytes(18).toString('hex')
  const seconds = `${addSeconds(clock.now(), 3600).slice(0, 19)}.000Z` as Instant
  const token: FakeToken = {
    value: `ghs_${body}`,
    permissions: { metadata: 'read', ...permissions, ...givesMore },
    repositoryIds,
    diesAt: seconds,
    endedAt: null,
    ending: 'honest',
    unknownTimes,
    shown: 0,
    shownSince: 0,
  }
  tokens.set(token.value, token)
  return token
}

/** Is it let in; being asked counts as shown. */
export function isTaken(state: State, token: FakeToken, path: 'rest' | 'graph'): boolean {
  token.shown++
  if (token.endedAt !== null) token.shownSince++
  return token.shown > token.unknownTimes && isAlive(state, token, path)
}

/** Would it be let in: what a test compares with what was said of it. */
export function isAlive(state: State, token: FakeToken, path?: 'rest' | 'graph'): boolean {
  const now = state.clock.now()
  if (now >= token.diesAt) return false
  if (token.endedAt === null || token.ending === 'lies') return true
  if (token.ending === 'honest') return false
  const { ms, times, path: only } = token.ending
  if (only !== undefined && path !== undefined && only !== path) return false
  if (ms !== undefined) return now < addMs(token.endedAt, ms)
  return token.shownSince <= (times ?? 0)
}

/** As GitHub's audit log names a token. */
export function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64')
}
