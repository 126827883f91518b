/** A small company in memory for tests of decisions: people, one app with its identities, data, a grant, a task. */

import { appTable } from '../../src/core/app/rows.ts'
import { requestTable } from '../../src/core/approval/rows.ts'
import type { DataAction } from '../../src/core/base/permit.ts'
import { findingTable } from '../../src/core/finding/rows.ts'
import { grantTable, manifestTable, resourceTable, targetTable } from '../../src/core/grant/rows.ts'
import { holdTable } from '../../src/core/hold/rows.ts'
import { identityTable } from '../../src/core/identity/rows.ts'
import type { FactRow } from '../../src/core/ledger/fact-table.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import { installationTable, personTable } from '../../src/core/people/rows.ts'
import { type Bundle, openBundle, readShipped } from '../../src/core/policy/bundle.ts'
import type { PolicyWorld } from '../../src/core/policy/decide.ts'
import { taskTable } from '../../src/core/task/rows.ts'
import { explain } from '../../src/life/why/why.ts'
import { type HandClock, handClock } from './clock.ts'

/** Every table a row of this world can be of; also makes sure that they are declared. */
const tables = {
  app: appTable,
  app_grant: grantTable,
  finding: findingTable,
  hold: holdTable,
  identity: identityTable,
  installation: installationTable,
  manifest: manifestTable,
  person: personTable,
  request: requestTable,
  resource: resourceTable,
  target: targetTable,
  task: taskTable,
}
type TableName = keyof typeof tables

export const ids = {
  maya: 'pe_maya',
  tom: 'pe_tom',
  ines: 'pe_ines',
  pat: 'pe_pat',
  aud: 'pe_aud',
  app: 'ap_deal-desk',
  run: 'id_run',
  build: 'id_build',
  deals: 'rs_deals',
  contacts: 'rs_contacts',
  sandbox: 'rs_sandbox',
  grant: 'gr_deals',
  task: 'tk_board',
} as const

export interface SmallCompany {
  readonly world: PolicyWorld
  readonly clock: HandClock
  /** Changes members of a row, as the log would bring it; a new id makes a new row. */
  readonly change: (table: TableName, id: string, members: Record<string, unknown>) => void
  /** How old the facts are, and whether the log has gone back. */
  freshness: { position: number; ageMs: number; regressed: boolean }
  /** Puts other rules in force. */
  readonly use: (bundle: Bundle) => void
}

let shipped: Bundle | undefined

/** The rules that come with the program, opened once for all tests of a file. */
export function shippedBundle(): Bundle {
  shipped ??= openBundle(readShipped())
  return shipped
}

export function smallCompany(): SmallCompany {
  const replica = new Replica()
  const clock = handClock()
  const rows = new Map<string, FactRow>()
  let bundle = shippedBundle()
  const company: SmallCompany = {
    clock,
    freshness: { position: 42, ageMs: 3, regressed: false },
    change(table, id, members) {
      const before = rows.get(`${table}/${id}`)
      const row = { ...before, ...members, id, version: (before?.version ?? 0) + 1 }
      rows.set(`${table}/${id}`, row)
      replica.apply([{ table: tables[table].name, row }])
    },
    use(other) {
      bundle = other
    },
    world: {
      replica,
      clock,
      freshness: () => company.freshness,
      policies: () => bundle,
      explain,
    },
  }
  settle(company)
  return company
}

const madeAt = '2026-11-20T09:00:00.000Z'
const end = '2026-11-27T16:00:00.000Z'

function settle({ change }: SmallCompany): void {
  change('installation', 'in_acme', { trustDomain: 'acme.example', mode: 'team', madeAt })
  const roles = { maya: [], tom: [], ines: ['security'], pat: ['platform'], aud: ['auditor'] }
  for (const [name, own] of Object.entries(roles))
    change('person', `pe_${name}`, {
      iss: 'https://id.example',
      roles: own,
      state: 'living',
      leftAt: null,
      seenAt: '2026-11-22T08:00:00.000Z',
      madeAt,
    })
  change('app', ids.app, {
    slug: 'deal-desk',
    ownerId: ids.maya,
    backupId: ids.tom,
    offeredTo: null,
    team: null,
    day: 'build-day',
    dataClasses: ['internal'],
    stage: 'prototype',
    state: 'active',
    endTrigger: 'date',
    endsAt: end,
    maxEndsAt: '2026-12-20T09:00:00.000Z',
    pausedBecause: null,
    orphanedAt: null,
    madeBy: ids.maya,
    madeAt,
    endedAt: null,
  })
  for (const role of ['build', 'test', 'publish', 'run', 'agent'])
    change('identity', `id_${role}`, {
      appId: ids.app,
      role,
      spiffeId: `spiffe://acme.example/app/deal-desk/${role}`,
      state: 'active',
      madeAt,
      endedAt: null,
    })
  change('target', 'tg_crm', {
    slug: 'crm',
    connector: 'postgres',
    address: '127.0.0.1:5432',
    production: false,
    ownerId: ids.pat,
    adminEndsAt: '2027-11-20T09:00:00.000Z',
    preflightState: 'passed',
    preflightAt: madeAt,
    state: 'active',
    madeAt,
  })
  addResource(change, ids.deals, 'crm.deals', 'internal', {})
  addResource(change, ids.contacts, 'crm.contacts', 'customer', { sandboxTwinId: ids.sandbox })
  addResource(change, ids.sandbox, 'crm.sandbox_contacts', 'customer', { isSandbox: true })
  addGrant(change, ids.grant, ids.deals, ['read'])
  change('manifest', 'mf_1', {
    appId: ids.app,
    digest: 'd1',
    purposes: [
      {
        name: 'board',
        says: 'Shows deals that are stuck.',
        needs: [
          { resource: 'crm.deals', actions: ['read'] },
          { resource: 'crm.sandbox_contacts', actions: ['read', 'write'] },
        ],
        egress: [],
      },
    ],
    state: 'current',
    madeAt,
  })
  change('task', ids.task, {
    appId: ids.app,
    identityId: ids.run,
    kind: 'job',
    purpose: 'board',
    autonomy: 'unattended',
    onBehalfOf: null,
    provenance: {},
    provenanceKey: 'run 41',
    touched: [],
    state: 'open',
    closedBecause: null,
    openedAt: '2026-11-22T13:59:00.000Z',
    endsAt: '2026-11-22T21:59:00.000Z',
    closedAt: null,
  })
}

type Change = SmallCompany['change']

function addResource(
  change: Change,
  id: string,
  slug: string,
  dataClass: string,
  more: Record<string, unknown>,
): void {
  change('resource', id, {
    slug,
    targetId: 'tg_crm',
    object: { schema: 'public', table: slug },
    columns: [],
    dataClass,
    dataOwnerId: ids.tom,
    sandboxTwinId: null,
    isSandbox: false,
    state: 'active',
    madeAt,
    ...more,
  })
}

/** A live grant for the `run` identity. */
export function addGrant(
  change: Change,
  id: string,
  resourceId: string,
  actions: readonly DataAction[],
  more: Record<string, unknown> = {},
): void {
  change('app_grant', id, {
    appId: ids.app,
    roles: ['run'],
    resourceId,
    targetId: 'tg_crm',
    actions,
    columns: ['id', 'stage', 'amount'],
    unattended: false,
    requestId: 'rq_1',
    holder: `lhg_${id}`,
    state: 'live',
    madeAt,
    endsAt: end,
    usedAt: null,
    endedAt: null,
    ...more,
  })
}
