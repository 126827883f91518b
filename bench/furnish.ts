/**
 * An installation at work, for the benches: the server as `serve` starts it, and in it one app with an
 * identity, an agreed grant on one resource of one target, and an open task. The rows are written as
 * their chapters write them, in one recorded transaction; how people come to agree is not measured.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '../src/config.ts'
import { type AppRow, appTable } from '../src/core/app/rows.ts'
import { type RequestRow, requestTable } from '../src/core/approval/rows.ts'
import { sha256Hex } from '../src/core/base/hash.ts'
import { newId, type PersonId, systemId } from '../src/core/base/ids.ts'
import type { Json } from '../src/core/base/json.ts'
import { addSeconds, type Clock, type Instant } from '../src/core/base/time.ts'
import {
  type GrantRow,
  grantTable,
  type ManifestRow,
  manifestTable,
  putSealedConfig,
  type ResourceRow,
  resourceTable,
  type TargetRow,
  targetConfigAad,
  targetTable,
} from '../src/core/grant/rows.ts'
import { type IdentityRow, identityTable } from '../src/core/identity/rows.ts'
import { entryKind } from '../src/core/ledger/kind.ts'
import { recorded, type Scope } from '../src/core/ledger/record.ts'
import { personTable } from '../src/core/people/rows.ts'
import type { Connector } from '../src/core/target/target.ts'
import { type TaskRow, taskTable } from '../src/core/task/rows.ts'
import { type Running, startServer } from '../src/main.ts'

const furnished = entryKind('bench.furnish', 'made an app for a bench')

export interface Place {
  readonly connector: Connector
  readonly config: Json
  readonly object: Json
  readonly columns: readonly string[]
}

export interface AtWork {
  readonly running: Running
  readonly app: AppRow
  readonly identity: IdentityRow
  readonly task: TaskRow
  readonly grant: GrantRow
  readonly resource: ResourceRow
  stop(): Promise<void>
}

/** Without an address the database is the embedded one, in a folder that is removed at the stop. */
export async function startAtWork(
  place: Place,
  databaseUrl?: string,
  clock?: Clock,
): Promise<AtWork> {
  const connectors = place.connector.kind === 'postgres' ? [] : [place.connector]
  const { running, stop } = await startEmpty(connectors, databaseUrl, clock)
  return { running, ...(await furnish(running, place)), stop }
}

/** With these connectors beside those of the registry, and nothing made yet. A folder that is given is kept. */
export async function startEmpty(
  connectors: readonly Connector[],
  databaseUrl?: string,
  clock?: Clock,
  kept?: string,
): Promise<Pick<AtWork, 'running' | 'stop'>> {
  const home = kept ?? (await mkdtemp(join(tmpdir(), 'leasehold-bench-')))
  const running = await startServer(
    readConfig({
      LEASEHOLD_HOME: home,
      LEASEHOLD_PORT: '0',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    }),
    { connectors, ...(clock === undefined ? {} : { clock }) },
  )
  return {
    running,
    async stop() {
      await running.stop()
      if (kept === undefined) await rm(home, { recursive: true, force: true })
    },
  }
}

export async function furnish({ world }: Running, place: Place) {
  const app = appOf(peopleOf(world), world.clock.now())
  const identity = identityOf(app)
  const { target, resource } = placeRowsOf(app, place)
  const { request, grant } = grantOf(app, resource)
  const { manifest, task } = workOf(app, identity, [resource])
  const rows = { app, identity, target, resource, request, grant, manifest, task }
  await recorded(world, async scope => {
    await scope.insert(appTable, rows.app)
    await scope.insert(identityTable, rows.identity)
    await insertPlace(world, scope, rows, place)
    await scope.insert(requestTable, rows.request)
    await scope.insert(grantTable, rows.grant)
    await scope.insert(manifestTable, rows.manifest)
    await scope.insert(taskTable, rows.task)
    scope.entry({ kind: furnished, by: systemId('genesis') })
  })
  await world.settle()
  return rows
}

/** Who answers for what is made here: whoever is alone has no other backup. */
export function peopleOf({ replica }: Running['world']): readonly [PersonId, PersonId] {
  const [person, backup = person] = replica.all(personTable)
  if (person === undefined || backup === undefined)
    throw new Error('a new installation has its first person')
  return [person.id, backup.id]
}

export async function insertPlace(
  world: Running['world'],
  scope: Scope,
  { target, resource }: Pick<AtWork, 'resource'> & { readonly target: TargetRow },
  place: Place,
): Promise<void> {
  const config = Buffer.from(JSON.stringify(place.config))
  await scope.insert(targetTable, target)
  await putSealedConfig(scope.tx, target.id, world.seal(config, targetConfigAad(target.id)))
  await scope.insert(resourceTable, resource)
}

export function appOf(
  [personId, backupId]: readonly [PersonId, PersonId],
  now: Instant,
  { slug, endsAt: later }: Pick<AppRow, 'slug' | 'endsAt'> = {
    slug: 'bench-desk',
    endsAt: addSeconds(now, 7 * 24 * 3600),
  },
): AppRow {
  return {
    id: newId('app'),
    version: 1,
    slug,
    ownerId: personId,
    backupId,
    offeredTo: null,
    openTo: [],
    team: null,
    day: null,
    purpose: 'board of stuck deals',
    dataClasses: ['internal'],
    stage: 'prototype',
    state: 'active',
    endTrigger: 'date',
    endsAt: later,
    maxEndsAt: later,
    origin: null,
    watchedUntil: null,
    pausedBecause: null,
    orphanedAt: null,
    madeBy: personId,
    madeAt: now,
    endedAt: null,
  }
}

export function identityOf({ id: appId, slug, madeAt }: AppRow): IdentityRow {
  return {
    id: newId('identity'),
    version: 1,
    appId,
    role: 'run',
    spiffeId: `spiffe://leasehold.local/app/${slug}/run`,
    state: 'active',
    madeAt,
    endedAt: null,
  }
}

export function placeRowsOf(
  { ownerId, madeAt, endsAt }: Pick<AppRow, 'ownerId' | 'madeAt' | 'endsAt'>,
  place: Place,
  slug = 'bench-crm',
) {
  const target: TargetRow = {
    id: newId('target'),
    version: 1,
    slug,
    connector: place.connector.kind,
    address: place.connector.addressOf(place.config),
    production: false,
    ownerId,
    adminEndsAt: endsAt,
    adminRotatedAt: madeAt,
    preflightState: 'never',
    preflightAt: null,
    state: 'active',
    madeAt,
  }
  const resource: ResourceRow = {
    id: newId('resource'),
    version: 1,
    slug: `${slug}.deals`,
    targetId: target.id,
    object: place.object,
    columns: place.columns.map(name => ({ name, class: 'internal', hidden: false })),
    dataClass: 'internal',
    dataOwnerId: ownerId,
    sandboxTwinId: null,
    isSandbox: false,
    state: 'active',
    madeAt,
  }
  return { target, resource }
}

export function grantOf(app: AppRow, resource: ResourceRow) {
  const { ownerId, madeAt, endsAt } = app
  const request: RequestRow = {
    id: newId('request'),
    version: 1,
    kind: 'grant',
    appId: app.id,
    askedBy: ownerId,
    body: '{}',
    bodyHash: sha256Hex('{}'),
    reason: 'to see them',
    approvers: [app.backupId ?? ownerId],
    quorum: 1,
    ownAnswer: app.backupId === ownerId,
    state: 'agreed',
    madeAt,
    expiresAt: endsAt,
    closedAt: madeAt,
  }
  const id = newId('grant')
  const grant: GrantRow = {
    id,
    version: 1,
    appId: app.id,
    roles: ['run'],
    resourceId: resource.id,
    targetId: resource.targetId,
    actions: ['read'],
    columns: resource.columns.map(({ name }) => name),
    unattended: true,
    requestId: request.id,
    holder: `lhg_bench_${id.slice(3)}`,
    state: 'live',
    madeAt,
    endsAt,
    usedAt: null,
    keptAt: null,
    budget: null,
    glassBy: null,
    endedAt: null,
  }
  return { request, grant }
}

export function workOf(app: AppRow, identity: IdentityRow, resources: readonly ResourceRow[]) {
  const { madeAt } = app
  const manifest: ManifestRow = {
    id: newId('manifest'),
    version: 1,
    appId: app.id,
    digest: sha256Hex('{}'),
    purposes: [
      {
        name: 'board',
        needs: resources.map(({ slug }) => ({ resource: slug, actions: ['read'] })),
        egress: [],
      },
    ],
    says: '{}',
    state: 'current',
    madeAt,
  }
  const task: TaskRow = {
    id: newId('task'),
    version: 1,
    appId: app.id,
    identityId: identity.id,
    kind: 'job',
    purpose: 'board',
    autonomy: 'unattended',
    onBehalfOf: null,
    parentId: null,
    provenance: {},
    provenanceKey: 'run-41',
    touched: [],
    state: 'open',
    closedBecause: null,
    openedAt: madeAt,
    endsAt: addSeconds(madeAt, 8 * 3600),
    closedAt: null,
  }
  return { manifest, task }
}
