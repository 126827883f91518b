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
import { recorded } from '../src/core/ledger/record.ts'
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
  const home = await mkdtemp(join(tmpdir(), 'leasehold-bench-'))
  const running = await startServer(
    readConfig({
      LEASEHOLD_HOME: home,
      LEASEHOLD_PORT: '0',
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    }),
    {
      connectors: place.connector.kind === 'postgres' ? [] : [place.connector],
      ...(clock === undefined ? {} : { clock }),
    },
  )
  return {
    running,
    ...(await furnish(running, place)),
    async stop() {
      await running.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

export async function furnish({ world }: Running, place: Place) {
  // Who is alone has no other backup.
  const [person, backup = person] = world.replica.all(personTable)
  if (person === undefined || backup === undefined)
    throw new Error('a new installation has its first person')
  const now = world.clock.now()
  const rows = rowsFor([person.id, backup.id], place, now)
  await recorded(world, async scope => {
    const { id } = rows.target
    const sealed = world.seal(Buffer.from(JSON.stringify(place.config)), targetConfigAad(id))
    await scope.insert(appTable, rows.app)
    await scope.insert(identityTable, rows.identity)
    await scope.insert(targetTable, rows.target)
    await putSealedConfig(scope.tx, id, sealed)
    await scope.insert(resourceTable, rows.resource)
    await scope.insert(requestTable, rows.request)
    await scope.insert(grantTable, rows.grant)
    await scope.insert(manifestTable, rows.manifest)
    await scope.insert(taskTable, rows.task)
    scope.entry({ kind: furnished, by: systemId('genesis') })
  })
  await world.settle()
  return rows
}

function rowsFor([personId, backupId]: readonly [PersonId, PersonId], place: Place, now: Instant) {
  const later = addSeconds(now, 7 * 24 * 3600)
  const app: AppRow = {
    id: newId('app'),
    version: 1,
    slug: 'bench-desk',
    ownerId: personId,
    backupId,
    offeredTo: null,
    team: null,
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
  const identity: IdentityRow = {
    id: newId('identity'),
    version: 1,
    appId: app.id,
    role: 'run',
    spiffeId: 'spiffe://leasehold.local/app/bench-desk/run',
    state: 'active',
    madeAt: now,
    endedAt: null,
  }
  return { app, identity, ...dataFor(app, place), ...workOf(app, identity) }
}

function dataFor(app: AppRow, place: Place) {
  const { ownerId, madeAt, endsAt } = app
  const target: TargetRow = {
    id: newId('target'),
    version: 1,
    slug: 'bench-crm',
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
    slug: 'bench-crm.deals',
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
    targetId: target.id,
    actions: ['read'],
    columns: place.columns,
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
  return { target, resource, request, grant }
}

function workOf(app: AppRow, identity: IdentityRow) {
  const { madeAt } = app
  const manifest: ManifestRow = {
    id: newId('manifest'),
    version: 1,
    appId: app.id,
    digest: sha256Hex('{}'),
    purposes: [
      { name: 'board', needs: [{ resource: 'bench-crm.deals', actions: ['read'] }], egress: [] },
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
