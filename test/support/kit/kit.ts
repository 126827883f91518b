/**
 * The conformance kit: what every connector must do, run by each against a real or faithful system.
 * Cases are data: vitest runs them one test each (`suite.ts`), `npm run -s conformance -- connectors`
 * prints them as a table. They assert with `node:assert`, since the second has no vitest.
 *
 * To plug a connector in: write a function that makes a `KitFixture` in `test/support/kit/`, give it to
 * `targetKit` in the connector's own test, and name it in `test/conformance/connectors.ts`. Most of a
 * fixture is `outside`, the oracle: what somebody sees and does at the target without us. What it can
 * not do is left out; each case that needs it then takes a reason in `notApplicable`, in words for who
 * reads the table, or fails. A reason never hides what could be run: one for a case that could is a
 * failure too, unless that case needs nothing.
 */
import type { Json } from '../../../src/core/base/json.ts'
import type { Instant } from '../../../src/core/base/time.ts'
import type { Connector, Issued, IssueOrder, Target } from '../../../src/core/target/target.ts'

export interface KitFixture {
  readonly connector: Connector
  readonly target: Target
  readonly clock: { now(): Instant }
  /** Makes time go by, where it is turned by hand; without it a case waits. */
  readonly pass?: (ms: number) => void
  readonly traits: readonly Trait[]
  /** What an app asks for. */
  readonly asks: Pick<IssueOrder, 'object' | 'actions' | 'columns'>
  /** Less of the same: then the second of `allowed` is refused. */
  readonly asksLess?: Pick<IssueOrder, 'columns'> & Partial<Pick<IssueOrder, 'actions'>>
  /** What `KitSession.use` may do with that, and what it may not. */
  readonly allowed: readonly [string, string]
  readonly forbidden: string
  /** Resources that nobody may name. */
  readonly badObjects: readonly Json[]
  /** One that looks like those of leases and is none. */
  newSecret(): string
  /** Rejects where the target refuses. */
  signIn(issued: Issued, secret: string): Promise<KitSession>
  /** Where the system listens, and the same system (a new connection of ours) at another port of this machine. */
  readonly port: number
  openAt(port: number): Target
  readonly outside: KitOutside
  readonly notApplicable: Readonly<Record<string, string>>
  /** Throws where something was amiss that no case looks at. */
  close(): Promise<void>
}

/**
 * `holders`: rights of a grant are held by something of their own there. `lists`: it lists what leases
 * sign in as, by our names. `mints`: it makes the secrets. `sessions`: what is open lives on by itself.
 * `hand`: its clock is `KitFixture.pass`'s. `keyless`: a lease has no credential of its own there, our
 * gateway asks with ours.
 */
export type Trait = 'holders' | 'lists' | 'mints' | 'sessions' | 'hand' | 'keyless'

/** A use of a credential, as its holder makes it. Each rejects where the target refuses. */
export interface KitSession {
  use(what: string): Promise<unknown>
  changeSecret?(secret: string): Promise<void>
  close(): Promise<void>
}

type Undo = () => Promise<void>

/** What people do and see at the target without us. The first is the oracle; the others are optional. */
export interface KitOutside {
  /** How many credentials of leases would be let in now. */
  count(): Promise<number>
  /** Is something of this name of ours there. */
  has?(name: string): Promise<boolean>
  /** Takes a lease's credential away. */
  drop?(principal: string, secret: string): Promise<void>
  /** Holds back, inside the target, whatever is done to this principal. */
  stall?(principal: string): Promise<{ waiting(): Promise<number>; free(): Promise<void> }>
  /** Gives it something that a connector may not take away; answers with taking it away. */
  burden?(principal: string): Promise<Undo>
  /** The holder of a credential can give it another secret. */
  canChangeSecret?: true
  /** Uses the credential, and tells whom the target's own record names for that. */
  seenAs?(issued: Issued, secret: string): Promise<string>
  /** So many things more than there were, each found by an inventory. */
  plant?(count: number): Promise<Undo>
  /** Refuses the next requests as too many, and says after how many seconds they are welcome. */
  tooMuch?(seconds: number): Promise<Undo>
  /** Does what it is asked and then fails. */
  failAfter?(verb: 'issue' | 'end'): Promise<Undo>
  /** Says that it ended what stays. */
  lie?(): Promise<Undo>
  /** What it ended is let in for a while yet; on one of its paths alone where it has more. */
  lag?(ms: number, path?: 'first' | 'second'): Promise<Undo>
  /** Our admin credential is taken no more. */
  expireAdmin?(): Promise<Undo>
  /** Our admin credential lost the rights that `asks` takes. */
  narrowAdmin?(): Promise<Undo>
}

export type Need =
  | Trait
  | keyof KitOutside
  | 'asksLess'
  | 'canHold'
  | 'canRenew'
  | 'isNameless'
  | 'key'

export interface KitCase {
  readonly name: string
  readonly needs?: readonly Need[]
  run(kit: KitFixture): Promise<void>
}

/** Why a case does not apply to this fixture, or undefined: run it. Throws where neither is right. */
export function reasonNot(kit: KitFixture, { name, needs = [] }: KitCase): string | undefined {
  const reason = kit.notApplicable[name]
  const lacking = needs.filter(need => !provides(kit, need))
  if (lacking.length > 0 && reason === undefined)
    throw new Error(`it needs ${lacking.join(', ')}, and notApplicable says nothing of it`)
  if (lacking.length === 0 && needs.length > 0 && reason !== undefined)
    throw new Error('it is said not to apply, and all it needs is there')
  return reason
}

function provides({ traits, outside, asksLess, target }: KitFixture, need: Need): boolean {
  if (need === 'canHold' || need === 'canRenew' || need === 'isNameless')
    return target.describe()[need] === true
  if (need === 'asksLess') return asksLess !== undefined
  if (need === 'key') return !traits.includes('keyless')
  return (traits as readonly string[]).includes(need) || Reflect.get(outside, need) !== undefined
}
