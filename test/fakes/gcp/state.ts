/** What a pretend Google Cloud holds: its own list of what exists, with which a lie is found out. */
import { type KeyObject, randomBytes } from 'node:crypto'
import { addMs, addSeconds, type Instant, toMs } from '../../../src/core/base/time.ts'
import type { Fault } from '../github/state.ts'

export interface FakeAccount {
  readonly email: string
  readonly project: string
  readonly uniqueId: string
  readonly displayName: string
  readonly description: string
  disabled: boolean
  keys: { readonly id: string; readonly validBefore: string }[]
  /** Other APIs have not heard of it so many times. */
  unheard: number
  endedAt: Instant | null
  ending: Ending
}
export interface FakeToken {
  readonly value: string
  /** Of whom: a service account, or a principal of a pool. */
  readonly of: string
  readonly diesAt: Instant
}
export interface FakeBinding {
  role: string
  members: string[]
  condition?: { title: string; expression: string; description?: string }
}
export interface FakePolicy {
  version: number
  etag: string
  bindings: FakeBinding[]
}
/** What deleting and disabling do after they were answered well. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It stays for a while yet: in the lists, or let in by its token, or both. */
  | { readonly ms: number; readonly path?: 'lists' | 'token' }

export interface Provider {
  readonly name: string
  readonly issuer: string
  /** Uploaded; without them they are fetched from the issuer. */
  readonly jwks?: { readonly keys: readonly unknown[] }
}

export interface State {
  readonly clock: { now(): Instant }
  readonly project: string
  readonly admin: string
  /** Undefined: the key was taken away. */
  publicKey: KeyObject | undefined
  readonly keyId: string
  readonly accounts: Map<string, FakeAccount>
  /** Within 30 days they can be brought back; no list has them. */
  readonly deleted: Map<string, FakeAccount>
  readonly tokens: Map<string, FakeToken>
  /** By place: `bucket acme-deals`, `secret acme-data/crm`, `project acme-data`. */
  readonly policies: Map<string, FakePolicy>
  readonly providers: Provider[]
  /** Principals of pools that may act as the admin's account. */
  readonly mayActAsAdmin: Set<string>
  /** What the admin may not. */
  readonly lacks: Set<string>
  /** Last use by e-mail; undefined: the API is not on. */
  lastUsed: Map<string, Instant> | undefined
  quota: number
  /** A new account is unheard of so many times. */
  unheard: number
  /** Others change a policy before each of so many of our writes. */
  contention: number
  /** Rights are refused so many times after they were given. */
  slowRights: number
  ending: Ending
  fault: (asked: string) => Fault | undefined
  stall: (asked: string) => Promise<void>
}

export function newState(clock: State['clock'], publicKey: KeyObject): State {
  const policy = (): FakePolicy => ({ version: 1, etag: newEtag(), bindings: [] })
  const owner = { role: 'roles/owner', members: ['user:ada@acme.example'] }
  return {
    clock,
    project: 'acme-leases',
    admin: 'leasehold@acme-leases.iam.gserviceaccount.com',
    publicKey,
    keyId: randomBytes(20).toString('hex'),
    accounts: new Map(),
    deleted: new Map(),
    tokens: new Map(),
    policies: new Map([
      ['bucket acme-deals', { ...policy(), bindings: [structuredClone(owner)] }],
      ['secret acme-data/crm-key', policy()],
      ['project acme-data', { ...policy(), bindings: [structuredClone(owner)] }],
      ['project acme-leases', { ...policy(), bindings: [structuredClone(owner)] }],
    ]),
    providers: [],
    mayActAsAdmin: new Set(),
    lacks: new Set(),
    lastUsed: new Map(),
    quota: 400,
    unheard: 0,
    contention: 0,
    slowRights: 0,
    ending: 'honest',
    fault: () => undefined,
    stall: async () => {},
  }
}

export const newEtag = () => `Bw${randomBytes(6).toString('base64')}=`

export function newAccount(
  state: State,
  id: string,
  more: Partial<Pick<FakeAccount, 'displayName' | 'description' | 'project' | 'unheard'>> = {},
): FakeAccount {
  const project = more.project ?? state.project
  const account: FakeAccount = {
    email: `${id}@${project}.iam.gserviceaccount.com`,
    project,
    uniqueId: String(BigInt(`0x${randomBytes(8).toString('hex')}`)).padStart(21, '1'),
    displayName: '',
    description: '',
    disabled: false,
    keys: [],
    unheard: 0,
    endedAt: null,
    ending: 'honest',
    ...more,
  }
  state.accounts.set(account.email, account)
  return account
}

export function newToken(state: State, of: string, seconds: number): FakeToken {
  const value = `ya29.c.${randomBytes(120).toString('base64url')}`
  const token = { value, of, diesAt: addSeconds(state.clock.now(), seconds) }
  state.tokens.set(value, token)
  return token
}

/** Is it there: in the lists, or for who shows its token. */
export function isThere({ clock }: State, account: FakeAccount, path: 'lists' | 'token'): boolean {
  if (account.endedAt === null || account.ending === 'lies') return true
  if (account.ending === 'honest') return false
  const { ms, path: only } = account.ending
  if (only !== undefined && only !== path) return false
  return clock.now() < addMs(account.endedAt, ms)
}

/** Who is let in with it now. */
export function holderOf(state: State, value: string): FakeToken | undefined {
  const token = state.tokens.get(value)
  if (token === undefined || state.clock.now() >= token.diesAt) return undefined
  if (token.of === state.admin || token.of.startsWith('principal:')) return token
  const account = state.accounts.get(token.of)
  if (account === undefined || account.disabled || !isThere(state, account, 'token'))
    return undefined
  return token
}

const permissions: Readonly<Record<string, readonly string[]>> = {
  'roles/storage.objectViewer': ['storage.objects.get', 'storage.objects.list'],
  'roles/storage.objectCreator': ['storage.objects.create'],
  'roles/storage.objectUser': ['get', 'list', 'create', 'delete', 'update'].map(
    each => `storage.objects.${each}`,
  ),
  'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
  'roles/secretmanager.secretVersionAdder': ['secretmanager.versions.add'],
  'roles/bigquery.dataViewer': ['bigquery.tables.getData'],
}

/** By the policy as it is now, its conditions judged by the clock. */
export function may(state: State, email: string, place: string, permission: string): boolean {
  if (state.slowRights > 0) return state.slowRights-- < 0
  const { bindings = [] } = state.policies.get(place) ?? {}
  return bindings.some(({ role, members, condition }) => {
    if (!members.includes(`serviceAccount:${email}`)) return false
    if (!permissions[role]?.includes(permission)) return false
    if (condition === undefined) return true
    const until = /^request\.time < timestamp\("([^"]+)"\)$/.exec(condition.expression)?.[1]
    return until !== undefined && toMs(state.clock.now()) < Date.parse(until)
  })
}

/** The real end: its name stays in policies, with what it was. */
export function remove(state: State, account: FakeAccount): void {
  state.accounts.delete(account.email)
  state.deleted.set(account.uniqueId, account)
  const was = `serviceAccount:${account.email}`
  for (const { bindings } of state.policies.values())
    for (const each of bindings)
      each.members = each.members.map(member =>
        member === was ? `deleted:${was}?uid=${account.uniqueId}` : member,
      )
}
