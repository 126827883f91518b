/** Of the kit: hostile names, and a target or a network that misbehaves. */
import assert from 'node:assert/strict'
import { addMs } from '../../../src/core/base/time.ts'
import { judge } from '../../../src/core/target/judge.ts'
import type { Target } from '../../../src/core/target/target.ts'
import type { KitCase, KitFixture } from './kit.ts'
import { startRelay } from './relay.ts'
import * as kitTools from './tools.ts'

const { expectProblem, isGone, issueNew, listAll, look, newOrder, newPrincipal } = kitTools
const { holds, passUntil, soon, until, verdict } = kitTools

const hostileNames = [
  '',
  'lh_',
  'postgres',
  'lh_a"b',
  "lh_a'b",
  'lh_a$$b',
  'lh_a\0b',
  'lh_A',
].concat(
  ['lh_a b', 'lh_a\nb', 'lh_ä', 'lh_\ud800', '../lh_a', 'lh_a%2f', 'lh_a;drop role x', 'lh_a--'],
  `lh_${'a'.repeat(61)}`,
)

const naming: readonly KitCase[] = [
  {
    name: 'a name that is not of our form is refused by every verb',
    needs: ['lists'],
    async run(kit) {
      const { target } = kit
      const before = (await listAll(target)).map(each => each.name)
      for (const name of hostileNames) {
        const order = { ...newOrder(kit), principal: name }
        const calls = [
          target.issue(order, soon()),
          target.renew(order, soon()),
          target.hold(name, soon()),
          target.release(name, soon()),
          target.end(order, soon()),
          target.verifyGone({ ...order, acceptedPath: null }, soon()),
          target.ensureHolder({ ...order, holder: name }, soon()),
          target.ensureHolder({ ...order, owner: name }, soon()),
          target.removeHolder(name, soon()),
          target.verifyHolderGone(name, soon()),
        ]
        await Promise.all(calls.map(call => expectProblem(call, 'invalid-field')))
      }
      assert.deepEqual(
        (await listAll(target)).map(each => each.name),
        before,
      )
    },
  },
]

const networks: readonly KitCase[] = [
  {
    name: 'a target that answers nothing is given up in time, and looks say unknown',
    async run(kit) {
      const { order } = await issueNew(kit)
      const { canHold } = kit.target.describe()
      const hasHolders = kit.traits.includes('holders')
      const relay = await startRelay(kit.port)
      relay.isMute = true
      const target = kit.openAt(relay.port)
      const startedMs = performance.now()
      const brief = () => AbortSignal.timeout(400)
      const calls = [
        target.ensureHolder(order, brief()),
        target.issue(order, brief()),
        target.renew(order, brief()),
        target.end(order, brief()),
        target.inventory(null, brief()),
        ...(canHold ? [target.hold(order.principal, brief())] : []),
        ...(hasHolders ? [target.removeHolder(order.holder, brief())] : []),
      ]
      await Promise.all(calls.map(call => expectProblem(call, 'target-unavailable')))
      const evidence = await target.verifyGone({ ...order, acceptedPath: 'a path' }, brief())
      holds(evidence, { listed: 'unknown', credential: 'not-tried', sessions: null })
      assert.ok(evidence.because)
      assert.equal(judge(evidence), 'unreachable')
      if (hasHolders)
        assert.equal((await target.verifyHolderGone(order.holder, brief())).listed, 'unknown')
      assert.equal((await target.preflight(brief())).ok, false)
      assert.ok(performance.now() - startedMs < 4_000)
      relay.close()
      await target.close()
      await kit.target.end(order, soon())
    },
  },
  {
    name: 'a target that is slow is waited for',
    async run(kit) {
      const relay = await startRelay(kit.port)
      relay.delayMs = 40
      const target = kit.openAt(relay.port)
      const slow = { ...kit, target }
      const { order, issued } = await issueNew(slow)
      await target.end(order, soon())
      assert.equal(await verdict(slow, order, issued), 'verified-gone')
      await target.close()
      relay.close()
    },
  },
  {
    name: 'whatever the step at which making breaks off, nothing that lives is called gone',
    async run(kit) {
      const steps = await breakAtEach(kit, async target => {
        const before = await kit.outside.count()
        const order = { ...newOrder(kit), deadline: addMs(kit.clock.now(), 400) }
        const made = await target
          .ensureHolder(order, soon())
          .then(() => target.issue(order, soon()))
          .catch(() => undefined)
        // Recovery knows the intent, waits for its deadline, and looks; one that was made is ended.
        const secret = made?.secret ?? order.secret
        await passUntil(kit, order.deadline)
        await kit.target.end({ ...order, secret }, soon())
        const evidence = await kit.target.verifyGone(
          { ...order, secret, acceptedPath: null },
          soon(),
        )
        if (isGone(evidence)) assert.equal(await kit.outside.count(), before)
        else assert.equal(evidence.listed, 'unknown')
        kit.pass?.(2 * 3_600_000)
        const after = await kit.target.verifyGone({ ...order, secret, acceptedPath: null }, soon())
        assert.ok(isGone(after))
      })
      assert.ok(steps >= 3)
    },
  },
  {
    name: 'whatever the step at which ending breaks off, ending again ends it',
    async run(kit) {
      const steps = await breakAtEach(kit, async target => {
        const { order, issued } = await issueNew(kit)
        await target.end(order, soon()).catch(() => {})
        // As the sweep does it: what is still under way there may stand in the way of the first.
        await until(async () => {
          await kit.target.end(order, soon()).catch(() => {})
          return (await verdict(kit, order, issued)) === 'verified-gone'
        })
      })
      assert.ok(steps >= 1)
    },
  },
]

/** Runs it with a connection that breaks off after the first, second, … piece; how many there were. */
async function breakAtEach(kit: KitFixture, run: (target: Target) => Promise<void>) {
  for (let step = 1; step <= 60; step++) {
    const relay = await startRelay(kit.port)
    relay.breakAfter = step
    const target = kit.openAt(relay.port)
    await run(target)
    await target.close().catch(() => {})
    relay.close()
    if (relay.sent() < step) return step - 1
  }
  throw new Error('it takes more steps than anybody waits for')
}

const lies: readonly KitCase[] = [
  {
    name: 'a target that has had too much is asked again when it says, and no later',
    needs: ['tooMuch'],
    async run(kit) {
      const atOnce = await kit.outside.tooMuch?.(0)
      const { order, issued } = await issueNew(kit)
      await kit.target.end(order, soon())
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
      await atOnce?.()
      const later = await kit.outside.tooMuch?.(3_600)
      await expectProblem(kit.target.ensureHolder(newOrder(kit), soon()), 'target-unavailable')
      await later?.()
    },
  },
  {
    name: 'a failure after it was made is no lease, and what was made is not called gone',
    needs: ['failAfter'],
    async run(kit) {
      const before = await kit.outside.count()
      const order = newOrder(kit)
      await kit.target.ensureHolder(order, soon())
      const heal = await kit.outside.failAfter?.('issue')
      await expectProblem(kit.target.issue(order, soon()), 'target-unavailable')
      await heal?.()
      assert.equal(await kit.outside.count(), before + 1)
      await kit.target.end(order, soon())
      const evidence = await kit.target.verifyGone({ ...order, acceptedPath: null }, soon())
      assert.equal(isGone(evidence), (await kit.outside.count()) === before)
    },
  },
  {
    name: 'a failure after it was ended is no proof, and the next look is',
    needs: ['failAfter'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const heal = await kit.outside.failAfter?.('end')
      await expectProblem(kit.target.end(order, soon()), 'target-unavailable')
      await heal?.()
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
      await kit.target.end(order, soon())
    },
  },
  {
    name: 'what says that it ended and stays is still there',
    needs: ['lie'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const before = await kit.outside.count()
      const stop = await kit.outside.lie?.()
      await kit.target.end(order, soon())
      assert.equal(await kit.outside.count(), before)
      assert.equal(await verdict(kit, order, issued), 'still-there')
      await stop?.()
      await kit.target.end(order, soon())
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
    },
  },
  {
    name: 'what ends 30 seconds late, on either path, is still there until it is gone',
    needs: ['lag', 'hand'],
    async run(kit) {
      for (const path of [undefined, 'first', 'second'] as const) {
        const { order, issued } = await issueNew(kit)
        const stop = await kit.outside.lag?.(30_000, path)
        await kit.target.end(order, soon())
        assert.equal(await verdict(kit, order, issued), 'still-there')
        kit.pass?.(29_000)
        assert.equal(await verdict(kit, order, issued), 'still-there')
        kit.pass?.(1_001)
        assert.equal(await verdict(kit, order, issued), 'verified-gone')
        await stop?.()
      }
    },
  },
]

const admins: readonly KitCase[] = [
  {
    name: 'an admin credential that expired issues nothing, and proves no end',
    needs: ['expireAdmin'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const before = await kit.outside.count()
      const restore = await kit.outside.expireAdmin?.()
      const target = kit.openAt(kit.port)
      const expired = { ...kit, target }
      assert.equal((await target.preflight(soon())).ok, false)
      await expectProblem(issueNew(expired), 'target-refused')
      assert.equal(await kit.outside.count(), before)
      await target.end(order, soon()).catch(() => {})
      assert.notEqual(await verdict(expired, order, issued), 'verified-gone')
      await target.close()
      await restore?.()
      await kit.target.end(order, soon())
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
    },
  },
  {
    name: 'an admin credential that lost a right issues nothing, and says which',
    needs: ['narrowAdmin'],
    async run(kit) {
      const before = await kit.outside.count()
      const restore = await kit.outside.narrowAdmin?.()
      const refused = await expectProblem(
        issueNew(kit, { ...newOrder(kit), ...newPrincipal() }),
        'target-refused',
      )
      assert.ok(refused.next)
      assert.equal(await kit.outside.count(), before)
      await restore?.()
      const { order, issued } = await issueNew(kit)
      await kit.target.end(order, soon())
      assert.equal(judge(await look(kit, order, issued)), 'verified-gone')
    },
  },
]

export const troubleCases: readonly KitCase[] = [...naming, ...networks, ...lies, ...admins]
