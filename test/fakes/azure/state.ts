/** What a pretend Azure holds: its own list of what exists, with which a lie is found out. */
import { type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { decodeJwt, SignJWT } from 'jose'
import { addMs, type Instant, toSeconds } from '../../../src/core/base/time.ts'
import type { Fault } from '../github/state.ts'

export interface FakePassword {
  readonly keyId: string
  readonly displayName: string
  readonly endDateTime: Instant
  readonly secret: string
}
export interface FakeTrust {
  readonly id: string
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
}
export interface FakeApp extends Ended {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  readonly uniqueName: string | null
  readonly notes: string | null
  readonly madeAt: Instant
  passwords: FakePassword[]
  keys: { readonly keyId: string; readonly endDateTime: Instant }[]
  trusts: FakeTrust[]
  owners: { readonly id: string; readonly displayName: string }[]
  /** Replicas have not heard of it so many times. */
  unheard: number
  isDeleted: boolean
}
export interface FakePrincipal {
  readonly id: string
  readonly appId: string
  readonly displayName: string
  accountEnabled: boolean
  isDeleted: boolean
  given: { readonly id: string; readonly to: string; readonly role: string }[]
}
export interface FakeAssignment extends Ended {
  readonly name: string
  readonly scope: string
  readonly role: string
  readonly principalId: string
  readonly description: string
}
interface Ended {
  endedAt: Instant | null
  ending: Ending
}
/** What a delete does after it was answered well. */
export type Ending =
  | 'honest'
  /** Nothing, ever. */
  | 'lies'
  /** It stays for a while yet: in the lists, or as a right, or both. */
  | { readonly ms: number; readonly path?: 'lists' | 'token' }

export interface State {
  readonly clock: { now(): Instant }
  readonly tenant: string
  readonly subscription: string
  /** Our own application; it has every right that is not in `lacks`. */
  readonly admin: { readonly clientId: string; readonly oid: string }
  /** Undefined: it was taken away. */
  adminSecret: string | undefined
  adminTrusts: FakeTrust[]
  readonly key: KeyObject
  readonly apps: Map<string, FakeApp>
  readonly principals: Map<string, FakePrincipal>
  readonly assignments: Map<string, FakeAssignment>
  /** Resource groups that are there. */
  readonly groups: Set<string>
  readonly tokens: string[]
  /** What the admin may not. */
  readonly lacks: Set<string>
  unheard: number
  /** What is unheard of is refused as if we had no right to it. */
  refusesNew: boolean
  /** A new right is not known so many times. */
  slowRights: number
  mostAssignments: number
  /** Uploaded keys of an issuer, which is not asked then. */
  jwks: { readonly keys: readonly unknown[] } | undefined
  /** A next page is somewhere else. */
  strayLink: string | undefined
  ending: Ending
  fault: (asked: string) => Fault | undefined
  stall: (asked: string) => Promise<void>
}

export function newState(clock: State['clock'], key: KeyObject): State {
  return {
    clock,
    tenant: randomUUID(),
    subscription: randomUUID(),
    admin: { clientId: randomUUID(), oid: randomUUID() },
    adminSecret: randomBytes(30).toString('base64url'),
    adminTrusts: [],
    key,
    apps: new Map(),
    principals: new Map(),
    assignments: new Map(),
    groups: new Set(['deals', 'other']),
    tokens: [],
    lacks: new Set(),
    unheard: 0,
    refusesNew: false,
    slowRights: 0,
    mostAssignments: 4_000,
    jwks: undefined,
    strayLink: undefined,
    ending: 'honest',
    fault: () => undefined,
    stall: async () => {},
  }
}

export function newApp(
  state: State,
  more: Partial<FakeApp> & Pick<FakeApp, 'displayName'>,
): FakeApp {
  const app: FakeApp = {
    id: randomUUID(),
    appId: randomUUID(),
    uniqueName: null,
    notes: null,
    madeAt: state.clock.now(),
    passwords: [],
    keys: [],
    trusts: [],
    owners: [],
    unheard: state.unheard,
    isDeleted: false,
    endedAt: null,
    ending: 'honest',
    ...more,
  }
  state.apps.set(app.id, app)
  return app
}

export function newPrincipal(state: State, app: FakeApp, accountEnabled = true): FakePrincipal {
  const { appId, displayName } = app
  const id = randomUUID()
  const made = { id, appId, displayName, accountEnabled, isDeleted: false, given: [] }
  state.principals.set(id, made)
  return made
}

/** As Entra gives it: signed, for one audience, and for an hour and some minutes. */
export async function newToken(state: State, oid: string, appid: string, aud: string) {
  const now = toSeconds(state.clock.now())
  const seconds = 3_599 + Math.floor(Math.random() * 1_500)
  const claims = { aud, oid, appid, tid: state.tenant, iat: now, exp: now + seconds }
  const word = new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
  const token = await word.sign(state.key)
  state.tokens.push(token)
  return { token, seconds }
}

/** Whose token that is, where it lives and is for this audience. Entra takes none back. */
export function holderOf(state: State, token: string, aud: string): string | undefined {
  if (!state.tokens.includes(token)) return undefined
  const { oid, exp = 0, aud: of } = decodeJwt(token)
  return exp > toSeconds(state.clock.now()) && of === aud ? String(oid) : undefined
}

function lasts({ clock }: State, { endedAt, ending }: Ended, path: 'lists' | 'token'): boolean {
  if (endedAt === null || ending === 'lies') return true
  if (ending === 'honest') return false
  const { ms, path: only } = ending
  if (only !== undefined && only !== path) return false
  return clock.now() < addMs(endedAt, ms)
}

export const isListed = (state: State, of: FakeApp | FakeAssignment) => lasts(state, of, 'lists')

/** What somebody may do there, on it or on what holds it. */
export function rolesOn(state: State, oid: string, scope: string): string[] {
  if (oid === state.admin.oid) return ['ours']
  const within = scope.toLowerCase()
  return [...state.assignments.values()]
    .filter(each => each.principalId === oid && lasts(state, each, 'token'))
    .filter(each => `${within}/`.startsWith(`${each.scope.toLowerCase()}/`))
    .map(({ role }) => role)
}

/** Tokens of leases that open something somewhere now. */
export function living(state: State): string[] {
  return state.tokens.filter(token => {
    const oid = holderOf(state, token, 'https://management.azure.com')
    if (oid === undefined || oid === state.admin.oid) return false
    const own = [...state.assignments.values()].filter(each => each.principalId === oid)
    return own.some(each => lasts(state, each, 'token'))
  })
}
