/**
 * The port a connector implements: one outside system that can hold credentials for our tasks.
 *
 * Every call is bounded by `signal` and is idempotent: doing it twice ends as doing it once, and
 * removing what is absent succeeds. A call that fails may still have happened; only reading back
 * counts. Connectors keep no state of ours: names are given to them and are deterministic.
 * Secrets arrive as arguments and are never logged, stored or put into an error.
 */

import type { Duplex } from 'node:stream'
import type { Json } from '../base/json.ts'
import type { DataAction } from '../base/permit.ts'
import type { Instant } from '../base/time.ts'
import type { Word } from '../base/words.ts'

/** What a person should know before trusting a green word about this system. */
export interface Description {
  readonly connector: string
  /** How gone is proven, in words people read: `list of roles`, `the key itself`. */
  readonly paths: readonly string[]
  readonly canRenew: boolean
  readonly canHold: boolean
  /**
   * The target refuses a credential at the end of its term without us; what is open then may go on.
   * False also where it dies by itself at a time we can not choose: `Issued.diesAt`.
   */
  readonly diesByItself: boolean
  /** No credential of it lives longer, whatever is renewed. */
  readonly longestSeconds?: number
  /** Nothing of a lease carries a name of ours there: no inventory finds what is no lease. */
  readonly isNameless?: boolean
  /** Callers can be let through with a word of ours: there is `pass` or `upstream`. */
  readonly hasGateway?: boolean
  /** Our own credential there can be made anew without a person: there is `rotateAdmin`. */
  readonly canRotate?: boolean
  /** Calls it takes at once, for issuing and again for ending; 16 unless it says otherwise. */
  readonly callsAtOnce?: number
}

/** Rights of one grant at the target, held by a principal nobody can sign in as. */
export interface HolderOrder {
  /** Deterministic name of the rights holder (`lhg_…`). */
  readonly holder: string
  /** Deterministic name of the app's own holder, which inherits what a lease made (`lho_…`). */
  readonly owner: string
  /** Where the rights are: the connector's own form, e.g. `{database, schema, table}`. */
  readonly object: Json
  readonly actions: readonly DataAction[]
  /** Columns that may be read; empty means all. */
  readonly columns: readonly string[]
}

export interface IssueOrder extends HolderOrder {
  /** Deterministic name of the credential's principal (`lh_…`). */
  readonly principal: string
  /** Derived; for a target that makes secrets itself, the one it made, once there is one. */
  readonly secret: string
  /** The target itself must refuse to create it after this instant. */
  readonly deadline: Instant
  /** The target should let it die then, where it can. */
  readonly endsAt: Instant
}

export interface Issued {
  /** A path that accepted the credential just now, e.g. `tcp 127.0.0.1:5432 crm scram-sha-256`. */
  readonly acceptedPath: string
  /** When the target lets it die without us; null: never. */
  readonly diesAt: Instant | null
  /** What a client needs beside the secret: host, port, database, user. */
  readonly connect: Readonly<Record<string, string | number>>
  /** Where the target makes the secret itself: that one. Kept sealed until the last look. */
  readonly secret?: string
}

export interface EndOrder extends Pick<IssueOrder, Named | 'deadline'> {
  /** The credential; null when its salt is gone. One of a target's own making only if that was confirmed. */
  readonly secret: string | null
}
type Named = 'principal' | 'holder' | 'owner' | 'object'

export interface VerifyOrder extends EndOrder {
  /** The path that accepted it at issue; null when it was never tried. */
  readonly acceptedPath: string | null
}

/** What two read paths said. Observations only: `judge` says what they mean. */
export interface Evidence {
  readonly listed: 'absent' | 'present' | 'unknown'
  /** `none`: this system is used through our gateway alone, and was never given one for a lease. */
  readonly credential: 'refused' | 'accepted' | 'not-tried' | 'none'
  /** The same path accepted a probe account of ours at the same time. */
  readonly probe: 'accepted' | 'refused' | 'not-tried'
  readonly sessions: number | null
  /** What is left behind beside the principal, named as the target names it. */
  readonly residue: readonly string[]
  readonly paths: readonly string[]
  /** Why something could not be looked at, in words a person can act on. */
  readonly because?: string | undefined
  readonly at: Instant
}

export type HolderEvidence = Pick<Evidence, 'listed' | 'residue' | 'because' | 'at'>

/** One thing found at the target. */
export interface Found {
  /** The target's own id, stable. */
  readonly id: string
  /** The first three are ours alone, `principal` what a lease signs in as; the others are what is there. */
  readonly kind: Word<'principal holder owner session object account key role app token trust secret variable hook runner'>
  readonly name: string
  /** Carries our prefix. */
  readonly ours: boolean
  readonly madeAt: Instant | null
  readonly lastUsedAt: Instant | null
  /** When it ends by itself there; missing where the target does not say. */
  readonly endsAt?: Instant | null
  /** Who made it or answers for it, as the target names them. */
  readonly creator?: string
  readonly details: Readonly<Record<string, Json>>
}

export interface InventoryPage {
  readonly found: readonly Found[]
  readonly next: string | null
  /** What could not be looked at (of one place alone: of which), and the right, plan or setting that would show it. */
  readonly unseen?: readonly Readonly<Record<'what' | 'needs', string> & { of?: string }>[]
}

export interface Preflight {
  readonly ok: boolean
  /** Each step of a whole canary cycle: made, accepted, ended, refused, gone. */
  readonly steps: readonly {
    readonly name: string
    readonly ok: boolean
    readonly detail?: string
  }[]
}

/** One connection of a caller who speaks the target's own protocol and holds no credential of it. */
export interface Passage {
  readonly caller: Duplex
  readonly order: Pick<EndOrder, 'principal' | 'object'>
  /** What the caller must show, with the principal's name, to be let in. */
  readonly word: string
  /** Once that was shown, before the target is touched: the credential. Throws the `Problem` to tell. */
  readonly admit: () => Promise<string>
  /** Aborts with the `Problem` to tell the caller, when it is over. */
  readonly signal: AbortSignal
  /**
   * Where what is used is bounded: taken before it is passed on. Undefined where nothing is waited for;
   * rejects with the `Problem` to tell the caller, when no more is left.
   */
  readonly take?: (used: {
    readonly rows?: number
    readonly bytes?: number
  }) => Promise<void> | undefined
  /** By the key a session was given: how to stop what it does. Of this lease, and of no other. */
  readonly cancels: Map<string, () => void>
}

/** Headers by their names. */
export type Credential = Readonly<Record<string, string>>

/**
 * A system that is spoken to over HTTP, with a credential that is ours and stays on our side. A caller
 * sees neither it nor the address.
 */
export interface Upstream {
  readonly url: URL
  /**
   * Sent with every request, in place of whatever a caller sends under these names. `refused`: what
   * was given here and just answered with 401; where there is no other, the same comes again (`===`).
   * Bounds itself. Problem `target-refused` where none can be had.
   */
  readonly credential: (refused?: Credential) => Promise<Credential>
  /** Where each lease has a credential of its own: that, in place of ours, for what it asks. */
  readonly ofLease?: (secret: string) => Credential
  /** Requests of our own there, with that credential; once more with another after a 401. */
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  /** `mcp`: what is asked is read from the messages; `http`: from method and path. */
  readonly speaks: 'http' | 'mcp'
  /**
   * The class of what is asked, by the resource's own object: for `http` of `POST /v1/messages?…`,
   * for `mcp` of a tool's name and what is said of it. Undefined where it is not offered at all.
   */
  classOf(object: Json, asked: string, said?: Json): DataAction | undefined
  /** Undefined where nobody knows what things cost there. */
  priceOf?(object: Json): Priced | undefined
}

/** Reads one answer as it goes by, and says in the end what it cost. */
export interface Priced {
  read(chunk: Uint8Array): void
  /** In millionths of a dollar; undefined where the answer does not say what it used. */
  cost(): number | undefined
}

/** What went through, and who ended it. Never what was asked or answered. */
export interface Passed {
  readonly toTarget: number
  readonly toCaller: number
  /** Records the target gave, where its protocol tells them apart. */
  readonly rows: number | null
  readonly endedBy: 'caller' | 'target' | 'us'
}

export interface Target {
  readonly describe: () => Description
  preflight(signal: AbortSignal): Promise<Preflight>
  /** Makes the holder of a grant's rights exist with exactly these rights. */
  ensureHolder(order: HolderOrder, signal: AbortSignal): Promise<void>
  /** Returns after the credential was accepted once. Throws `Problem` `target-refused` when the deadline had passed. */
  issue(order: IssueOrder, signal: AbortSignal): Promise<Issued>
  /** Lets the same credential live until `endsAt`. */
  renew(order: IssueOrder, signal: AbortSignal): Promise<Issued>
  /** False where a live principal refuses its own secret: its holder changed it. Throws where that can not be told. */
  checkIntact?(order: IssueOrder, signal: AbortSignal): Promise<boolean>
  /** Lets one caller through until either side ends it. Never rejects; closes both. */
  pass?(passage: Passage): Promise<Passed>
  /** Where requests of callers go that the gateway has judged one by one. */
  readonly upstream?: Upstream
  /** Reversible stop of a credential, open sessions included. */
  hold(principal: string, signal: AbortSignal): Promise<void>
  release(principal: string, signal: AbortSignal): Promise<void>
  /** Drives towards gone; may return before everything is. Waits for nothing but the target. */
  end(order: EndOrder, signal: AbortSignal): Promise<void>
  /**
   * Waits for a creation still under way (same lock), then looks. A target that does not answer is
   * an observation, not an error: `unknown`, with the reason.
   */
  verifyGone(order: VerifyOrder, signal: AbortSignal): Promise<Evidence>
  removeHolder(holder: string, signal: AbortSignal): Promise<void>
  verifyHolderGone(holder: string, signal: AbortSignal): Promise<HolderEvidence>
  /**
   * Everything here that carries our prefix, with `all` everything else too. Paged. Where the system
   * has one list of both, that list either way.
   */
  inventory(cursor: string | null, signal: AbortSignal, of?: 'all'): Promise<InventoryPage>
  /** Ends what is there and not ours, as far as that takes nobody's data with it, and looks. Missing: a person does. */
  endFound?(thing: Pick<Found, 'id' | 'kind'>, signal: AbortSignal): Promise<HolderEvidence>
  /** What was connected, with a credential of our own that nobody has seen. Changes nothing there. */
  draftAdmin?(): Json
  /**
   * Makes our own credential there what `next` says, signed in with what we use or, where a crash left it
   * set already, not at all. Returns when it was let in; throws `Problem` `target-refused` where it is not.
   * The secret itself stands in no statement, where that can be.
   */
  rotateAdmin?(next: Json, signal: AbortSignal): Promise<void>
  /** Whether our own credential is let in as this configuration says. */
  tryAdmin?(config: Json, signal: AbortSignal): Promise<'accepted' | 'refused' | 'unclear'>
  close(): Promise<void>
}

export interface Connector {
  readonly kind: string
  /** Parses what a person wrote in `connect`; throws `Problem` `invalid-field`. The result is what is sealed. */
  parseConfig(input: Json): Json
  /** For people and logs: where this is, without any secret. */
  addressOf(config: Json): string
  /** Bounds what a resource of this system may name. Throws `Problem` `invalid-field`. */
  parseObject(input: Json): Json
  open(config: Json, clock: { now(): Instant }): Target
}
