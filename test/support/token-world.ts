/** An attested world whose app has a manifest, with the program's own rules deciding about it. */

import type { AppRow } from '../../src/core/app/rows.ts'
import { newId, systemId } from '../../src/core/base/ids.ts'
import { forwardOnly } from '../../src/core/base/time.ts'
import { type ManifestRow, manifestTable } from '../../src/core/grant/rows.ts'
import type { IdentityRow } from '../../src/core/identity/rows.ts'
import { entryKind } from '../../src/core/ledger/kind.ts'
import { recorded } from '../../src/core/ledger/record.ts'
import { openBundle, readShipped } from '../../src/core/policy/bundle.ts'
import { decide, type PolicyWorld, permitsFor } from '../../src/core/policy/decide.ts'
import type { Store } from '../../src/core/store/store.ts'
import {
  type ExchangeAnswer,
  type ExchangeRequest,
  type ExchangeWorld,
  exchange,
} from '../../src/core/token/exchange.ts'
import { makeTokenKeys } from '../../src/core/token/signature.ts'
import type { IntrospectWorld } from '../../src/life/token/introspect.ts'
import { explain } from '../../src/life/why/why.ts'
import {
  type AttestedWorld,
  apiAudience,
  attestedWorld,
  identityOf,
  someApp,
  trusting,
} from './attested.ts'

export type TokenWorld = AttestedWorld &
  ExchangeWorld & {
    readonly app: AppRow
    readonly run: IdentityRow
    readonly verifying: IntrospectWorld
    /** Refusals that were counted, as `issuer reason`. */
    readonly counted: string[]
    /** How old the facts in memory are, for the decisions. */
    ageMs: number
  }

const madeForTest = entryKind('test.prepare', 'prepared a test')
const policies = openBundle(readShipped())

export async function tokenWorld(store?: Store): Promise<TokenWorld> {
  const base = await attestedWorld(store)
  const app = await someApp(base)
  const run = await identityOf(base, app)
  await trusting(base, run.id)
  await trusting(base, run.id, { as: ['owner', 'backup'] }, 'person')
  await giveManifest(base, app)
  const counted: string[] = []
  const policy: PolicyWorld = {
    replica: base.replica,
    clock: base.clock,
    freshness: () => ({ position: 1, ageMs: world.ageMs, regressed: false }),
    policies: () => policies,
    explain,
  }
  const verifying: IntrospectWorld = {
    store: base.store,
    replica: base.replica,
    clock: forwardOnly(base.clock),
    issuer: base.issuer,
    tokenKeys: makeTokenKeys(base),
    verified: new Map(),
    decide: question => decide(policy, question),
  }
  const world: TokenWorld = {
    ...base,
    permitFor: permitsFor(policy),
    app,
    run,
    verifying,
    counted,
    ageMs: 0,
    decide: question => decide(policy, question),
    countRefusal: (issuer, reason) => void counted.push(`${issuer ?? 'nobody'} ${reason}`),
  }
  return world
}

export async function giveManifest(world: AttestedWorld, app: AppRow): Promise<void> {
  const purposes = ['board', 'refresh'].map(name => ({ name, needs: [], egress: [] }))
  const manifest: ManifestRow = {
    id: newId('manifest'),
    version: 1,
    appId: app.id,
    digest: 'd',
    purposes,
    says: '{}',
    state: 'current',
    madeAt: world.clock.now(),
  }
  await recorded(world, async scope => {
    await scope.insert(manifestTable, manifest)
    scope.entry({ kind: madeForTest, by: systemId('genesis') })
  })
}

export function ask(
  world: TokenWorld,
  subjectToken: string,
  more: Partial<ExchangeRequest> = {},
): Promise<ExchangeAnswer> {
  const request = { purpose: 'board', audience: apiAudience, identity: 'deal-desk/run' }
  return exchange(world, { subjectToken, ...request, ...more })
}

export async function issued(
  world: TokenWorld,
  subjectToken: string,
  more: Partial<ExchangeRequest> = {},
) {
  const answer = await ask(world, subjectToken, more)
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer))
  return answer.token
}

export async function endWorld(world: TokenWorld): Promise<void> {
  await world.github.stop()
  await world.store.close()
}
