/** A run over an app that has something at a target which never answers. The rest is in test/journeys. */
import { expect, it, vi } from 'vitest'
import { recordingTarget } from '../../../test/fakes/recording-target.ts'
import { issueInput, issuePermitFor, leaseWorld } from '../../../test/support/lease-world.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { beginEnd } from '../../core/app/events.ts'
import { requestTable } from '../../core/approval/rows.ts'
import { newId, systemId } from '../../core/base/ids.ts'
import { grantTable, putSealedConfig, resourceTable, targetTable } from '../../core/grant/rows.ts'
import { issueLease } from '../../core/lease/issue.ts'
import { Targets } from '../../core/lease/targets.ts'
import { findRow } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { recorded } from '../../core/ledger/record.ts'
import { type OffboardWorld, runOffboarding } from './run.ts'

const made = entryKind('test.second', 'made a second target for a test')

it('takes down what is elsewhere while one target never answers', async () => {
  const base = await leaseWorld()
  const silent = recordingTarget('silent')
  const { store, clock, replica } = base
  const targets = new Targets({
    store,
    clock,
    replica,
    connectors: new Map([base.target, silent].map(({ connector }) => [connector.kind, connector])),
    callMs: 5_000,
    unseal: sealed => Buffer.from(sealed, 'base64'),
  })
  const world = { ...base, targets }
  const first = await issueLease(world, ...ask(world))
  const second = await addSecond(world)
  await issueLease(world, ...ask(world, second))
  await beginEnd(world, testPermit('app.end', world.first.id, world.app.id), {
    appId: world.app.id,
  })
  silent.mode = 'hangs'
  const permit = testPermit('offboard.run', systemId('offboard'), world.app.id)
  const offboard = { ...world, sweepChildren: async () => {} } as unknown as OffboardWorld
  const run = runOffboarding(offboard, permit, { appId: world.app.id }).then(
    () => 'over',
    () => 'over',
  )
  await vi.waitFor(
    () => {
      expect(world.target.principals.has(first.lease.principal)).toBe(false)
      expect(world.target.holders.size).toBe(0)
    },
    { timeout: 4_500, interval: 50 },
  )
  expect(await Promise.race([run, Promise.resolve('waits')])).toBe('waits')
  expect(silent.principals.size).toBe(1)
  silent.mode = 'honest'
  await run
}, 30_000)

type Given = Awaited<ReturnType<typeof leaseWorld>>

function ask(world: Given, change: Parameters<typeof issueInput>[1] = {}) {
  const input = issueInput(world, change)
  return [issuePermitFor(world, input.id), input] as const
}

async function addSecond(world: Given) {
  const target = await findRow(world.store, targetTable, world.targetId)
  const known = world.grant.requestId
  const request = known && (await findRow(world.store, requestTable, known))
  if (target === undefined || !request) throw new Error('there is a target')
  const targetId = newId('target')
  const resource = { ...world.resource, id: newId('resource'), slug: 'quiet.deals', targetId }
  const id = newId('grant')
  const requestId = newId('request')
  const where = { targetId, requestId, resourceId: resource.id, holder: `lhg_${id.slice(3)}` }
  await recorded(world, async scope => {
    await scope.insert(targetTable, {
      ...target,
      id: targetId,
      slug: 'quiet',
      connector: 'silent',
      version: 1,
    })
    await putSealedConfig(scope.tx, targetId, Buffer.from('{}').toString('base64'))
    await scope.insert(resourceTable, resource)
    await scope.insert(requestTable, { ...request, id: requestId, version: 1 })
    await scope.insert(grantTable, { ...world.grant, id, ...where })
    scope.entry({ kind: made, by: systemId('genesis') })
  })
  return { grantId: id, resourceId: resource.id }
}
