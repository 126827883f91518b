/** What a pretend Snowflake account holds: its own list of what exists, with which a lie is found out. */
import { type KeyObject, randomBytes } from 'node:crypto'
import { addMs, addSeconds, type Instant } from '../../../src/core/base/time.ts'
import type { Fault } from '../github/state.ts'

export interface FakePat {
  readonly name: string
  readonly value: string
  readonly role: string
  readonly madeAt: Instant
  readonly expiresAt: Instant
  isDisabled: boolean
}

export interface FakeUser {
  readonly name: string
  readonly type: 'SERVICE' | 'PERSON'
  readonly madeAt: Instant
  readonly roles: Set<string>
  pats: FakePat[]
  isDisabled: boolean
  /** Statements of it that are not over. */
  running: number
  hasPassword: boolean
  fingerprint: string | null
  workloads: string[]
  lastLogin: Instant | null
  /** When it was told to go; what that means is the mode's. */
  endedAt: Instant | null
  ending: Ending
}

/** What ending a user does after it was answered well. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It stays for a while yet: in the lists, or let in by its token, or both. */
  | { readonly ms: number; readonly path?: 'lists' | 'token' }

/** As `SHOW GRANTS` names it. */
export interface FakeGrant {
  readonly privilege: string
  readonly on: string
  readonly name: string
  readonly option?: true
}

export interface State {
  readonly clock: { now(): Instant }
  readonly account: string
  readonly admin: { readonly user: string; readonly role: string }
  /** Undefined: the key was taken away. */
  publicKey: KeyObject | undefined
  readonly users: Map<string, FakeUser>
  /** What goes on running of users who are not there any more. */
  readonly orphans: Map<string, number>
  readonly roles: Map<string, FakeGrant[]>
  /** By kind and name as shown: databases, schemas, tables, views, warehouses. */
  readonly things: Set<string>
  readonly views: Map<string, { readonly isSecure: boolean; readonly columns: readonly string[] }>
  /** Privileges on tables and views that the admin role may hand out. */
  readonly mayGive: Set<string>
  /** Whose tokens it may not see: it is answered with its own. */
  readonly hiddenTokens: Set<string>
  hasNetworkPolicy: boolean
  /** The number in the answer to a token that is not let in. */
  refusal: string
  ending: Ending
  /** Answers 202 so many times before a result; a result in parts of so many rows. */
  slowTimes: number
  rowsOfPart: number
  /** Awaited before a statement is begun. */
  stall: (statement: string) => Promise<void>
  fault: (statement: string) => Fault | undefined
}

export function newState(clock: State['clock'], publicKey: KeyObject): State {
  const state: State = {
    clock,
    account: 'ACME-MAIN',
    admin: { user: 'LEASEHOLD', role: 'LEASES_ADMIN' },
    publicKey,
    users: new Map(),
    orphans: new Map(),
    roles: new Map([
      ['PUBLIC', []],
      [
        'LEASES_ADMIN',
        [
          { privilege: 'MANAGE GRANTS', on: 'ACCOUNT', name: 'ACME-MAIN' },
          { privilege: 'MONITOR', on: 'WAREHOUSE', name: 'SMALL' },
        ],
      ],
    ]),
    things: new Set([
      'WAREHOUSE SMALL',
      'DATABASE SALES',
      'SCHEMA SALES.CRM',
      'TABLE SALES.CRM.DEALS',
      'VIEW SALES.CRM.DEALS_SHORT',
      'VIEW SALES.CRM.DEALS_OPEN',
      'TABLE SALES.CRM."odd""; DROP USER ""LEASEHOLD"" --"',
    ]),
    views: new Map([
      ['SALES.CRM.DEALS_SHORT', { isSecure: true, columns: ['ID', 'NAME'] }],
      ['SALES.CRM.DEALS_OPEN', { isSecure: false, columns: ['ID', 'NAME'] }],
    ]),
    mayGive: new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE']),
    hiddenTokens: new Set(),
    hasNetworkPolicy: true,
    refusal: '394400',
    ending: 'honest',
    slowTimes: 0,
    rowsOfPart: 1_000,
    stall: async () => {},
    fault: () => undefined,
  }
  newUser(state, state.admin.user, 'SERVICE').fingerprint = 'SHA256:none'
  return state
}

export function newUser(state: State, name: string, type: FakeUser['type']): FakeUser {
  const user: FakeUser = {
    name,
    type,
    madeAt: state.clock.now(),
    roles: new Set(['PUBLIC']),
    pats: [],
    isDisabled: false,
    running: 0,
    hasPassword: type === 'PERSON',
    fingerprint: null,
    workloads: [],
    lastLogin: null,
    endedAt: null,
    ending: 'honest',
  }
  state.users.set(name, user)
  return user
}

export function addPat(state: State, user: FakeUser, name: string, role: string): FakePat {
  const parts = [20, 90, 60].map(bytes => randomBytes(bytes).toString('base64url'))
  const madeAt = state.clock.now()
  const expiresAt = addSeconds(madeAt, 86_400)
  const pat = { name, value: parts.join('.'), role, madeAt, expiresAt, isDisabled: false }
  user.pats.push(pat)
  return pat
}

/** Is it there: in the lists, or for who shows its token. */
export function isThere({ clock }: State, user: FakeUser, path?: 'lists' | 'token'): boolean {
  if (user.endedAt === null || user.ending === 'lies') return true
  if (user.ending === 'honest') return false
  const { ms, path: only } = user.ending
  if (only !== undefined && path !== undefined && only !== path) return false
  return clock.now() < addMs(user.endedAt, ms)
}

export function userOf(state: State, name: string, path?: 'lists' | 'token'): FakeUser | undefined {
  const user = state.users.get(name)
  return user !== undefined && isThere(state, user, path) ? user : undefined
}

/** Who is let in with it now, and as what. */
export function holderOf(state: State, value: string) {
  for (const user of state.users.values()) {
    const pat = user.pats.find(each => each.value === value)
    if (pat === undefined || !isThere(state, user, 'token') || user.isDisabled) continue
    if (pat.isDisabled || state.clock.now() >= pat.expiresAt || !user.roles.has(pat.role)) continue
    if (state.roles.has(pat.role)) return { user, pat }
  }
  return undefined
}
