/** A world with one app that may read one resource at a target in memory, and a task to lease under. */
import { randomBytes } from 'node:crypto'
import type { AppRow } from '../../src/core/app/rows.ts'
import { appTable } from '../../src/core/app/rows.ts'
import { type RequestRow, requestTable } from '../../src/core/approval/rows.ts'
import { hmacSha256, sha256Hex } from '../../src/core/base/hash.ts'
import { type LeaseId, newId, systemId, type TargetId } from '../../src/core/base/ids.ts'
import { addSeconds, type Instant } from '../../src/core/base/time.ts'
import {
  type GrantRow,
  grantTable,
  putSealedConfig,
  type ResourceRow,
  resourceTable,
  type TargetRow,
  targetTable,
} from '../../src/core/grant/rows.ts'
import { type IdentityRow, identityTable } from '../../src/core/identity/rows.ts'
import type { LeaseWorld } from '../../src/core/lease/issue.ts'
import { issueLease } from '../../src/core/lease/issue.ts'
import type { LeaseRow } from '../../src/core/lease/rows.ts'
import type { SweepWorld } from '../../src/core/lease/sweep.ts'
import { Targets } from '../../src/core/lease/targets.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import { installationTable } from '../../src/core/people/rows.ts'
import type { Store } from '../../src/core/store/store.ts'
import { type TaskRow, taskTable } from '../../src/core/task/rows.ts'
import { joinCanary } from '../../src/life/drift/canary.ts'
import { type RecordingTarget, recordingTarget } from '../fakes/recording-target.ts'
import { testPermit } from './permit.ts'
import { person, type TestWorld, testWorld } from './world.ts'

const testMade = entryKind('test.made', 'made things for a test')

export type LeaseTestWorld = SweepWorld &
  TestWorld & {
    readonly target: RecordingTarget
    readonly app: AppRow
    readonly identity: IdentityRow
    readonly task: TaskRow
    readonly grant: GrantRow
    readonly resource: ResourceRow
    readonly targetId: TargetId
  }

export async function leaseWorld(store?: Store, callMs = 500): Promise<LeaseTestWorld> {
  const base = await testWorld('team', store)
  const target = recordingTarget()
  const leaseKey = Buffer.alloc(32, 7)
  const installationId = base.replica.all(installationTable)[0]?.id ?? ''
  const world: LeaseWorld & TestWorld = {
    ...base,
    targets: new Targets({
      store: base.store,
      clock: base.clock,
      replica: base.replica,
      connectors: new Map([['recording', target.connector]]),
      callMs,
      unseal: sealed => Buffer.from(sealed, 'base64'),
    }),
    playCanary: async id => (await joinCanary(world, id)).result,
    leaseSecret: (id, salt) =>
      salt.startsWith('kept:')
        ? salt.slice(5)
        : hmacSha256(leaseKey, `${id} ${salt}`).toString('base64url'),
    keepLeaseSecret: (_, secret) => `kept:${secret}`,
    newLeaseSalt: () => randomBytes(32).toString('base64url'),
    installationId: () => installationId,
  }
  return { ...world, target, ...(await makeRows(world)) }
}

async function makeRows(world: LeaseWorld & TestWorld) {
  const backup = await person(world, 'Tom')
  const now = world.clock.now()
  const later = addSeconds(now, 7 * 24 * 3600)
  const app: AppRow = {
    id: newId('app'),
    version: 1,
    slug: 'deal-desk',
    ownerId: world.first.id,
    backupId: backup,
    offeredTo: null,
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
    openTo: [],
    pausedBecause: null,
    orphanedAt: null,
    madeBy: world.first.id,
    madeAt: now,
    endedAt: null,
  }
  const identity: IdentityRow = {
    id: newId('identity'),
    version: 1,
    appId: app.id,
    role: 'run',
    spiffeId: 'spiffe://example.com/app/deal-desk/run',
    state: 'active',
    madeAt: now,
    endedAt: null,
  }
  const target: TargetRow = {
    id: newId('target'),
    version: 1,
    slug: 'crm',
    connector: 'recording',
    address: 'memory',
    production: false,
    ownerId: world.first.id,
    adminEndsAt: later,
    adminRotatedAt: now,
    preflightState: 'never',
    preflightAt: null,
    state: 'active',
    madeAt: now,
  }
  const resource: ResourceRow = {
    id: newId('resource'),
    version: 1,
    slug: 'crm.deals',
    targetId: target.id,
    object: { table: 'deals' },
    columns: [],
    dataClass: 'internal',
    dataOwnerId: backup,
    sandboxTwinId: null,
    isSandbox: false,
    state: 'active',
    madeAt: now,
  }
  const request: RequestRow = {
    id: newId('request'),
    version: 1,
    kind: 'grant',
    appId: app.id,
    askedBy: world.first.id,
    body: '{}',
    bodyHash: sha256Hex('{}'),
    reason: 'to see them',
    approvers: [backup],
    quorum: 1,
    state: 'agreed',
    madeAt: now,
    expiresAt: later,
    closedAt: now,
    ownAnswer: false,
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
    columns: ['id', 'stage'],
    unattended: false,
    requestId: request.id,
    holder: `lhg_${id.slice(3)}`,
    state: 'live',
    madeAt: now,
    endsAt: later,
    usedAt: null,
    keptAt: null,
    budget: null,
    glassBy: null,
    endedAt: null,
  }
  const task = taskRow(app, identity, now)
  const make = (run: Parameters<typeof recorded<void>>[1]) => recorded(world, run)
  await make(async scope => {
    await scope.insert(appTable, app)
    await scope.insert(identityTable, identity)
    await scope.insert(targetTable, target)
    await putSealedConfig(scope.tx, target.id, Buffer.from('{}').toString('base64'))
    await scope.insert(resourceTable, resource)
    await scope.insert(requestTable, request)
    await scope.insert(grantTable, grant)
    await scope.insert(taskTable, task)
    scope.entry({ kind: testMade, by: systemId('genesis') })
  })
  return { app, identity, task, grant, resource, targetId: target.id }
}

function taskRow(app: AppRow, identity: IdentityRow, now: Instant): TaskRow {
  return {
    id: newId('task'),
    version: 1,
    appId: app.id,
    identityId: identity.id,
    kind: 'job',
    purpose: 'stuck-deals',
    autonomy: 'attended',
    onBehalfOf: null,
    parentId: null,
    provenance: { commit: '9f2c1a7d' },
    provenanceKey: 'run-41',
    touched: [],
    state: 'open',
    closedBecause: null,
    openedAt: now,
    endsAt: addSeconds(now, 3600),
    closedAt: null,
  }
}

/** Another open task of the same identity, so that many leases can be told apart. */
export async function anotherTask(world: LeaseTestWorld, key: string): Promise<TaskRow> {
  const task = { ...taskRow(world.app, world.identity, world.clock.now()), provenanceKey: key }
  await recorded(world, async scope => {
    await scope.insert(taskTable, task)
    scope.entry({ kind: testMade, by: systemId('genesis') })
  })
  return task
}

export function issueInput(
  world: LeaseTestWorld,
  change: Partial<Parameters<typeof issueLease>[2]> = {},
) {
  return {
    id: newId('lease'),
    taskId: world.task.id,
    grantId: world.grant.id,
    resourceId: world.resource.id,
    actions: ['read'] as const,
    endsAt: addSeconds(world.clock.now(), 1800),
    termSeconds: 900,
    ...change,
  }
}

export async function issueOne(
  world: LeaseTestWorld,
  change: Partial<Parameters<typeof issueLease>[2]> = {},
): Promise<LeaseRow> {
  const input = issueInput(world, change)
  const { lease } = await issueLease(world, issuePermitFor(world, input.id), input)
  return lease
}

export function issuePermitFor(world: LeaseTestWorld, id: LeaseId) {
  return testPermit('lease.issue', world.identity.id, id, world.clock.now())
}
