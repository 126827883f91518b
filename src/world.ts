/**
 * The world: everything a verb or a door may need, built once from what `main.ts` opened. Here
 * chapters meet that do not know each other; nothing here decides.
 */
import type { Config } from './config.ts'
import { findRequest, requestTable } from './core/approval/rows.ts'
import type * as ids from './core/base/ids.ts'
import { newId, systemId } from './core/base/ids.ts'
import { limits } from './core/base/limits.ts'
import { product } from './core/base/product.ts'
import { addSeconds, type Clock, type Instant, msBetween } from './core/base/time.ts'
import { grantAgreed, makeSuccessor } from './core/grant/agreed.ts'
import { sweepGrants } from './core/grant/drop.ts'
import { sweepIdentities } from './core/identity/identities.ts'
import { type IssuerKeys, makeIssuerKeys } from './core/identity/jwks.ts'
import { trustAgreed } from './core/identity/trust.ts'
import type { Keys } from './core/keys/keys.ts'
import { Targets } from './core/lease/targets.ts'
import { originOf } from './core/ledger/checkpoint.ts'
import type { Follower } from './core/ledger/follow.ts'
import { type NoteSigner, vkeyOf } from './core/ledger/note.ts'
import type { Replica } from './core/ledger/replica.ts'
import { waitingIds } from './core/ledger/rows.ts'
import { findInstallation, installationTable } from './core/people/rows.ts'
import { decide, permitsFor } from './core/policy/decide.ts'
import { activateAgreed, followBundle } from './core/policy/in-force.ts'
import type { Store } from './core/store/store.ts'
import type { Connector } from './core/target/target.ts'
import { sweepTasks } from './core/task/close.ts'
import type { ExchangeWorld } from './core/token/exchange.ts'
import { sweepTokens } from './core/token/revoke.ts'
import { makeTokenKeys } from './core/token/signature.ts'
import { type TaskToken, type VerifyWorld, verifyTaskToken } from './core/token/verify.ts'
import type { Log } from './doors/api/problem.ts'
import type { DoctorView, InstallationView } from './doors/api/views.ts'
import type { ApiWorld } from './doors/api/world.ts'
import { shareAgreed } from './life/ask/share.ts'
import { tlogProof } from './life/audit/proof.ts'
import { RefusalTally } from './life/audit/refusals.ts'
import { findEntries } from './life/audit/rows.ts'
import { watchAgreed } from './life/discovery/watch.ts'
import { joinCanary } from './life/drift/canary.ts'
import { type FederationIssuer, makeFederation } from './life/federation/issuer.ts'
import { oldestDue } from './life/lists/lists.ts'
import type { Carrier } from './life/notify/notice.ts'
import { fetchJson } from './life/outbound/fetch.ts'
import {
  type PersonToken,
  type PersonTokenWorld,
  verifyPersonToken,
} from './life/sign-in/person-token.ts'
import { Proofs } from './life/token/dpop.ts'
import { explain } from './life/why/why.ts'

export interface Opened {
  readonly config: Config
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly keys: Keys
  readonly replica: Replica
  readonly follower: Follower
  /** Each that may sign in by our issuer is handed it. */
  readonly connectors: (federation: FederationIssuer) => readonly Connector[]
  readonly carrier: Carrier
  readonly log: Log
  readonly poke: () => void
  readonly runNow: (job: string) => Promise<void>
}

type Given = Omit<Opened, 'connectors'>

/** All that verbs and doors ask for together. */
export interface World extends Given, ApiWorld, VerifyWorld, ExchangeWorld, PersonTokenWorld {
  readonly store: Store
  readonly clock: Clock
  readonly issuerKeys: IssuerKeys
  readonly verifyPerson: (token: string) => Promise<PersonToken>
  readonly verifyTask: (token: string) => Promise<TaskToken>
  readonly refusals: RefusalTally
  readonly noteSigner: NoteSigner
  readonly everyTokenJwk: () => { keys: object[] }
  readonly federation: FederationIssuer
}

export function makeWorld({ connectors, ...given }: Opened): World {
  const { config, issuer, store, clock, keys, replica, follower } = given
  const policy = {
    replica,
    clock,
    freshness: () => follower.freshness(),
    policies: followBundle(replica),
    explain,
  }
  const ours = keysOf(keys, config.trustDomain)
  const people = { ...given, ...ours, apiAudience: issuer, gate: () => follower.gate() }
  const permitFor = permitsFor(policy)
  const federation = makeFederation({ ...people, permitFor })
  const issuers = new Set(config.ciIssuers)
  const refusals = new RefusalTally()
  const world: World = {
    ...people,
    ...policy,
    checkpoints: { store, clock, signer: ours.noteSigner },
    permitFor,
    decide: question => decide(policy, question),
    issuerKeys: makeIssuerKeys(
      { clock, fetch: fetchJson },
      { issuers, allowedOrigins: new Set(config.loopbackIssuers) },
    ),
    verifyPerson: token => verifyPersonToken(people, token),
    verifyTask: token => verifyTaskToken(world, token, issuer),
    tokenKeys: makeTokenKeys(people),
    verified: new Map(),
    proofs: new Proofs(clock),
    refusals,
    countRefusal: (from, reason) => refusals.count(from, reason, clock.now()),
    targets: new Targets({
      ...people,
      connectors: new Map(connectors(federation).map(each => [each.kind, each])),
    }),
    playCanary: async id => (await joinCanary(world, id)).result,
    federation,
    installationId: () => installationOf(replica).id,
    installationThing: () => ({
      type: 'installation',
      id: installationOf(replica).id as ids.AnyId,
    }),
    addressOf: slug => {
      const { protocol, host } = new URL(issuer)
      return `${protocol}//${slug}.${config.appsHost ?? `apps.${host}`}`
    },
    approversOf: appId => approversOf(replica, appId),
    applyAgreed: id => applyAgreed(world, id),
    settle: () => settle(store, follower),
    sealEntry: (subject, kind) => sealEntry(world, subject, kind),
    sweepChildren: shared(() => sweepChildren(world)),
    describeInstallation: () => describeInstallation(world),
    checkHealth: () => checkHealth(world),
  }
  return world
}

/** What is done with our keys, which may be others at the next call. */
function keysOf(keys: Keys, trustDomain: string) {
  const noteSigner = logSigner(keys, trustDomain)
  return {
    noteSigner,
    seal: (plaintext: Uint8Array, place: string) => keys.seal(plaintext, place),
    unseal: (sealed: string, place: string) => keys.unseal(sealed, place),
    tokenJwks: () => keys.tokenJwks(),
    everyTokenJwk: () => ({
      keys: keys.published('token').map(({ jwk, kid }) => ({ ...jwk, kid })),
    }),
    signer: () => keys.tokenSigner(),
    leaseSecret: (id: ids.LeaseId, salt: string) => keys.leaseSecret(id, salt),
    newLeaseSalt: () => keys.newLeaseSalt(),
    keepLeaseSecret: (id: ids.LeaseId, secret: string) => keys.keepLeaseSecret(id, secret),
    certificateSigner: () => {
      const { kid } = keys.active('certificate')
      const sign = (data: Uint8Array) => keys.sign('certificate', data).signature
      return { kid, sign }
    },
    keyTable: () => keys.table(),
    logVkeys: () =>
      keys
        .published('ledger')
        .map(key => vkeyOf({ name: noteSigner.name, publicKey: rawKey(key.jwk.x) })),
  }
}

function installationOf(replica: Replica) {
  const [installation] = replica.all(installationTable)
  if (installation === undefined) throw new Error('there is no installation yet')
  return installation
}

function logSigner(keys: Keys, trustDomain: string): NoteSigner {
  return {
    name: originOf(trustDomain),
    get publicKey() {
      return rawKey(keys.active('ledger').jwk.x)
    },
    sign: bytes => keys.sign('ledger', bytes).signature,
  }
}

function rawKey(x: string): Uint8Array {
  return Buffer.from(x, 'base64url')
}

function approversOf(replica: Replica, appId: string): ReadonlySet<ids.PersonId> {
  return new Set(replica.by(requestTable, 'appId', appId).flatMap(request => request.approvers))
}

/** Children of what ended, each by the chapter that owns them; the order lets one pass reach the bottom. */
async function sweepChildren(world: World): Promise<void> {
  await sweepTasks(world)
  await sweepTokens(world)
  await sweepGrants(world)
  await sweepIdentities(world)
}

/**
 * Callers share a run that begins after they asked, so that it sees what they wrote before: many apps
 * that end at once do not each look at the same rows.
 */
export function shared(run: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve()
  let waiting: Promise<void> | undefined
  return () => {
    if (waiting !== undefined) return waiting
    const begin = () => {
      waiting = undefined
      return run()
    }
    waiting = last.then(begin, begin)
    last = waiting
    return waiting
  }
}

/** What an agreed request leads to, done by the chapter it is about; nothing when it was done before. */
async function applyAgreed(world: World, requestId: ids.RequestId): Promise<void> {
  const { kind, appId = null } = (await findRequest(world.store, requestId)) ?? {}
  const by = systemId('approval')
  if (kind === 'grant') await grantAgreed.bySweep(world, 'approval', { requestId })
  else if (kind === 'watch') await watchAgreed.bySweep(world, 'approval', { requestId })
  else if (kind === 'share') await shareAgreed.bySweep(world, 'approval', { requestId })
  else if (kind === 'policy') await activateAgreed.bySweep(world, 'approval', { requestId })
  else if (kind === 'graduate') {
    const about = { type: 'request', id: requestId, draft: { appId } }
    await makeSuccessor(world, world.permitFor(by, 'app.graduate', about), { requestId })
  } else if (kind === 'trust') {
    const id = newId('trustRule')
    const permit = world.permitFor(by, 'trust.add', { type: 'trustRule', id })
    await trustAgreed(world, permit, { id, requestId })
  }
}

/** Everything this process has committed has a position and is applied here. */
export async function settle(store: Store, follower: Pick<Follower, 'reached'>): Promise<void> {
  // As a database returns rows: in no order.
  const last = Math.max(0, ...(await waitingIds(store)))
  if (last > 0) await follower.reached(last)
}

async function sealEntry(world: World, subject: string, kind: string) {
  await world.settle()
  const [entry] = await findEntries(world.store, { subject, kind }, 1)
  if (entry === undefined) throw new Error(`no entry ${kind} about ${subject}`)
  const { leaf, facts, factsSalt, position } = entry
  return { leaf, facts, factsSalt, tlogProof: await tlogProof(world.checkpoints, position) }
}

async function describeInstallation(world: World): Promise<InstallationView> {
  const { trustDomain, mode } = installationOf(world.replica)
  return {
    schema: 'leasehold/v1',
    product: product.name,
    version: product.version,
    name: (await findInstallation(world.store))?.name ?? '',
    trustDomain,
    mode,
    issuer: world.issuer,
    rootFingerprint: world.keys.table().rootFingerprint,
    logOrigin: world.noteSigner.name,
    logKey: vkeyOf(world.noteSigner),
  }
}

/** A credential that should have ended this long ago makes us unwell. */
const unwellMs = 120_000

async function checkHealth(world: World): Promise<DoctorView['checks']> {
  const { ageMs, regressed } = world.freshness()
  const due = await oldestDue(world.store)
  const overdueMs = due === null ? 0 : msBetween(due, world.clock.now())
  const isEnding = overdueMs < unwellMs
  const overdue = `the oldest credential is overdue by ${Math.round(overdueMs / 1000)} s`
  return [
    {
      name: 'facts',
      ok: ageMs <= limits.freshForIssueMs,
      says: `facts are ${(ageMs / 1000).toFixed(1)} s old`,
    },
    regressed
      ? {
          name: 'log',
          ok: false,
          says: 'the log is behind one that was seen',
          next: 'Restore the newer database, or serve --accept-loss.',
        }
      : { name: 'log', ok: true, says: `the log has ${world.follower.position} entries` },
    {
      name: 'ending',
      ok: isEnding,
      says: overdueMs <= 0 ? 'nothing is overdue' : overdue,
      ...(isEnding ? {} : { next: 'Look at the findings: a target may be away.' }),
    },
  ]
}

/**
 * Requests that were agreed a while ago and led to nothing: the process that should have died before. What
 * is of an app as it was can not be done any more once that is another.
 */
export async function listAgreedIdle(store: Store, now: Instant): Promise<ids.RequestId[]> {
  const rows = await store.query<{ id: ids.RequestId }>(
    `select id from request where state = 'agreed' and closed_at < $1 and expires_at > $2
       and kind in ('grant', 'trust', 'policy', 'graduate', 'watch', 'share')
       and not exists (select 1 from app where id = 'ap_' || substr(request.id, 4))
       and not exists (select 1 from app_grant where request_id = request.id)
       and not exists (select 1 from trust_rule where request_id = request.id)
       and not exists (select 1 from bundle where request_id = request.id)
       and (kind not in ('graduate', 'watch', 'share') or exists (select 1 from app
         where app.id = app_id and app.version::text = body::jsonb ->> 'onto'))
     order by closed_at limit ${limits.pageRows}`,
    [addSeconds(now, -10), now],
  )
  return rows.map(row => row.id)
}
