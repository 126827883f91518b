import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testPermit } from '../../../test/support/permit.ts'
import { failing, person, type TestWorld, testWorld } from '../../../test/support/world.ts'
import { policyApprovers, proposePolicy } from '../../life/ask/policy.ts'
import { answerRequest, makeRequest } from '../approval/request.ts'
import { newId, type PersonId, type RequestId } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import { isProblem, type ProblemCode } from '../base/problem.ts'
import { addMs } from '../base/time.ts'
import { listWhere } from '../ledger/fact-table.ts'
import type { LedgerWorld } from '../ledger/record.ts'
import { Replica } from '../ledger/replica.ts'
import { readShipped } from './bundle.ts'
import { activateAgreed, followBundle, installPolicies } from './in-force.ts'
import { bundleTable } from './rows.ts'

const rule = (id: string) =>
  `@id("${id}")\n@says("A sentence.")\nforbid (principal, action == Action::"spend", resource);\n`

let world: TestWorld
let asker: PersonId
let approver: PersonId
beforeAll(async () => {
  world = await testWorld('team')
  asker = await person(world, 'Maya')
  approver = await person(world, 'Ines')
  await Promise.all([installPolicies(world), installPolicies(world)])
})
afterAll(() => world.store.close())

const listBundles = (sql: TestWorld['store']) =>
  listWhere(sql, bundleTable, {}, 'order by serial desc')

async function request(body: JsonObject, answer: 'yes' | null = 'yes'): Promise<RequestId> {
  const id = newId('request')
  const made = await makeRequest(world, testPermit('request.make', asker, id), {
    id,
    kind: 'policy',
    appId: null,
    body,
    reason: 'Needed.',
    approvers: [approver],
    quorum: 1,
    ownAnswer: false,
  })
  if (answer !== null)
    await answerRequest(world, testPermit('request.answer', approver, id), {
      requestId: id,
      personId: approver,
      says: answer,
      bodyHash: made.bodyHash,
    } as never)
  return id
}

function activate(id: RequestId, by: LedgerWorld = world) {
  return activateAgreed(by, testPermit('policy.change', 'sy_approval' as never, id), {
    requestId: id,
  })
}

async function failure(run: Promise<unknown>): Promise<ProblemCode | 'none' | 'bug'> {
  try {
    await run
    return 'none'
  } catch (thrown) {
    return isProblem(thrown) ? thrown.code : 'bug'
  }
}

describe('the first bundle', () => {
  it('is what the program brings, once though two start at once, and every replica finds it', async () => {
    const current = followBundle(world.replica)
    expect(current().text).toEqual(readShipped())
    expect(current()).toBe(current())
    await installPolicies(world)
    const bundles = await listBundles(world.store)
    expect(bundles).toMatchObject([{ serial: 1, requestId: null, state: 'active' }])
    const other = new Replica()
    other.apply(bundles.map(row => ({ table: 'bundle', row })))
    expect(followBundle(other)().hash).toBe(current().hash)
  })

  it('without one nothing is decided', () => {
    expect(() => followBundle(new Replica())()).toThrow('no rules in force')
  })
})

describe('a change of rules', () => {
  const current = () => followBundle(world.replica)()
  const serial = async () => (await listBundles(world.store))[0]?.serial ?? 0

  it('is in force when another person agreed, once, and the one before is kept', async () => {
    const { body, bundle } = proposePolicy(current(), rule('no-spending'))
    const id = await request(body)
    const row = await activate(id)
    expect(row).toMatchObject({ serial: 2, hash: bundle.hash, requestId: id, state: 'active' })
    expect(current().hash).toBe(bundle.hash)
    expect(current().rules.has('no-spending')).toBe(true)
    expect(await activate(id)).toEqual(row)
    expect((await listBundles(world.store)).map(each => each.state)).toEqual([
      'active',
      'superseded',
    ])
  })

  it('stays when the program starts again', async () => {
    const before = await serial()
    await installPolicies(world)
    expect(await serial()).toBe(before)
  })

  it('may be put back as it was', async () => {
    const before = current().hash
    const file = 'company/no-spending.cedar'
    await activate(await request(proposePolicy(current(), `// replaces: ${file}\n`).body))
    expect(current().rules.has('no-spending')).toBe(false)
    await activate(await request(proposePolicy(current(), rule('no-spending')).body))
    expect(current().hash).toBe(before)
    expect(await serial()).toBe(4)
  })

  it('is not in force before anybody agreed', async () => {
    const before = await serial()
    const { body } = proposePolicy(current(), rule('no-waste'))
    expect(await failure(activate(await request(body, null)))).toBe('approval-needed')
    expect(await serial()).toBe(before)
  })

  it('is not in force when the rules were changed after it was proposed', async () => {
    const one = await request(proposePolicy(current(), rule('no-travel')).body)
    const two = await request(proposePolicy(current(), rule('no-waste')).body)
    await activate(one)
    expect(await failure(activate(two))).toBe('conflict')
    expect(current().rules.has('no-waste')).toBe(false)
  })

  it('is not in force when what comes of it is not what was agreed', async () => {
    const { body } = proposePolicy(current(), rule('no-waste'))
    const id = await request({ ...body, file: rule('no-reading') })
    expect(await failure(activate(id))).toBe('hash-mismatch')
    expect(current().rules.has('no-reading')).toBe(false)
  })

  it('leaves nothing behind when it fails before the commit, and can be done again', async () => {
    const before = await serial()
    const id = await request(proposePolicy(current(), rule('no-waste')).body)
    expect(await failure(activate(id, failing(world, 'at the entry')))).toBe('bug')
    expect(await serial()).toBe(before)
    expect((await activate(id)).serial).toBe(before + 1)
  })

  it('is once in force when it was kept and nobody was told', async () => {
    const before = await serial()
    const id = await request(proposePolicy(current(), rule('no-gifts')).body)
    expect(await failure(activate(id, failing(world, 'after the commit')))).toBe('bug')
    expect(await activate(id)).toMatchObject({ serial: before + 1, requestId: id })
    expect(await serial()).toBe(before + 1)
  })

  it('is answered by living people who answer for rules', () => {
    const view = { replica: world.replica, now: world.clock.now(), ageMs: 0 }
    expect(policyApprovers(view)).toEqual([world.first.id])
    expect(policyApprovers({ ...view, now: addMs(view.now, 46 * 86_400_000) })).toEqual([])
  })
})
