/** Of the kit: late commands, looking, and what is listed. */
import assert from 'node:assert/strict'
import { addMs, addSeconds } from '../../../src/core/base/time.ts'
import { judge } from '../../../src/core/target/judge.ts'
import type { KitCase } from './kit.ts'
import * as kitTools from './tools.ts'

const { expectProblem, isGone, issueNew, listAll, look, newOrder, pagesOf } = kitTools
const { holds, passUntil, soon, until } = kitTools

const shelter: readonly KitCase[] = [
  {
    name: 'says truly whether our own credential can be made anew, and lets in none that was not set',
    async run({ target }) {
      const can = target.describe().canRotate === true
      assert.equal('draftAdmin' in target, can)
      assert.equal('rotateAdmin' in target, can)
      if (!can) return
      const [one, other] = [target.draftAdmin?.() ?? null, target.draftAdmin?.() ?? null]
      assert.notDeepEqual(one, other)
      assert.equal(await target.tryAdmin?.(one, soon()), 'refused')
    },
  },
  {
    name: 'what it can stop of others it can let go on',
    async run({ target }) {
      assert.equal('holdFound' in target, 'releaseFound' in target)
    },
  },
]

const fencing: readonly KitCase[] = [
  {
    name: 'the target refuses a creation after its deadline',
    async run(kit) {
      const before = await kit.outside.count()
      const order = { ...newOrder(kit), deadline: addSeconds(kit.clock.now(), -1) }
      await kit.target.ensureHolder(order, soon())
      await expectProblem(kit.target.issue(order, soon()), 'target-refused')
      await expectProblem(kit.target.renew(order, soon()), 'target-refused')
      assert.equal(await kit.outside.count(), before)
    },
  },
  {
    name: 'a command that arrives after recovery looked makes nothing',
    needs: ['stall', 'has'],
    async run(kit) {
      const order = { ...newOrder(kit), deadline: addMs(kit.clock.now(), 700) }
      await kit.target.ensureHolder(order, soon())
      const stalled = await kit.outside.stall?.(order.principal)
      const sender = new AbortController()
      const sent = kit.target.issue(order, sender.signal).catch(() => 'broken off')
      await until(async () => ((await stalled?.waiting()) ?? 0) > 0)
      // The sender dies; its command waits inside the target until the deadline is over.
      sender.abort()
      assert.equal(await sent, 'broken off')
      await passUntil(kit, order.deadline)
      const looking = kit.target.verifyGone({ ...order, acceptedPath: null }, soon())
      await stalled?.free()
      assert.equal((await looking).listed, 'absent')
      assert.equal(await kit.outside.has?.(order.principal), false)
    },
  },
  {
    name: 'a look waits for a creation that is under way',
    needs: ['stall'],
    async run(kit) {
      const order = newOrder(kit)
      await kit.target.ensureHolder(order, soon())
      const stalled = await kit.outside.stall?.(order.principal)
      const making = kit.target.issue(order, soon())
      await until(async () => (await stalled?.waiting()) === 1)
      const looking = kit.target.verifyGone({ ...order, acceptedPath: null }, soon())
      await Promise.race([looking, until(async () => (await stalled?.waiting()) === 2)])
      await stalled?.free()
      await making
      assert.equal(judge(await looking), 'still-there')
    },
  },
  {
    name: 'what was made and never confirmed is not called gone while it can live',
    needs: ['mints', 'hand', 'isNameless'],
    async run(kit) {
      const before = await kit.outside.count()
      const order = newOrder(kit)
      await kit.target.ensureHolder(order, soon())
      await kit.target.issue(order, soon())
      // Its secret never reached us: the order knows the derived one, which opens nothing.
      const lost = { ...order, acceptedPath: null }
      await kit.target.end(order, soon())
      const evidence = await kit.target.verifyGone(lost, soon())
      // Where it can be ended by a name that no list shows, it is; elsewhere only time ends it.
      const isEnded = (await kit.outside.count()) === before
      assert.equal(judge(evidence), isEnded ? 'revoked-unverified' : 'unreachable')
      assert.ok(evidence.because)
      if (!isEnded) assert.equal(await kit.outside.count(), before + 1)
      const { longestSeconds = 0 } = kit.target.describe()
      kit.pass?.(longestSeconds * 1000)
      if (!isEnded && (await kit.outside.count()) > 0)
        assert.ok(!isGone(await kit.target.verifyGone(lost, soon())))
      kit.pass?.(900_000)
      assert.ok(isGone(await kit.target.verifyGone(lost, soon())))
      assert.equal(await kit.outside.count(), 0)
    },
  },
]

const looking: readonly KitCase[] = [
  {
    name: 'a live credential is still there, by its list and by itself',
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const evidence = await look(kit, order, issued)
      holds(evidence, { listed: 'present', credential: 'accepted' })
      assert.equal(judge(evidence), 'still-there')
    },
  },
  {
    name: 'a refusal proves nothing where the credential was never accepted',
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      await kit.target.end(order, soon())
      for (const unproven of [
        { ...order, acceptedPath: null },
        { ...order, acceptedPath: 'another path' },
        { ...order, acceptedPath: issued.acceptedPath, secret: null },
      ]) {
        const evidence = await kit.target.verifyGone(unproven, soon())
        // Where nothing is listed, nobody can look for one whose secret is lost.
        const isLost = unproven.secret === null && !kit.traits.includes('lists')
        holds(evidence, { listed: isLost ? 'unknown' : 'absent', credential: 'not-tried' })
        assert.ok(evidence.because)
        assert.equal(judge(evidence), isLost ? 'unreachable' : 'revoked-unverified')
      }
    },
  },
  {
    name: 'everything of ours is listed by name, page by page, until it is gone',
    needs: ['lists'],
    async run(kit) {
      const { order } = await issueNew(kit)
      const hasHolders = kit.traits.includes('holders')
      const held = { holder: order.holder, owner: order.owner }
      const kinds = { principal: order.principal, ...(hasHolders && held) }
      const found = await listAll(kit.target)
      for (const [kind, name] of Object.entries(kinds))
        holds(found.find(each => each.name === name) ?? {}, { kind, ours: true })
      assert.equal(new Set(found.map(each => each.id)).size, found.length)
      await kit.target.end(order, soon())
      const after = (await listAll(kit.target)).map(each => each.name)
      assert.ok(!after.includes(order.principal))
      assert.equal(after.includes(order.holder), hasHolders)
    },
  },
  {
    name: 'more than a page is listed whole, each thing once, and on from any page',
    needs: ['plant'],
    async run(kit) {
      const before = await listAll(kit.target)
      const remove = await kit.outside.plant?.(230)
      const pages = await pagesOf(kit.target)
      const ids = pages.flatMap(({ found }) => found.map(({ id }) => id))
      assert.equal(ids.length, before.length + 230)
      assert.equal(new Set(ids).size, ids.length)
      assert.ok(pages.length > 1)
      const middle = Math.floor(pages.length / 2)
      const rest = await pagesOf(kit.target, pages[middle - 1]?.next ?? null)
      assert.deepEqual(
        rest.flatMap(({ found }) => found.map(({ id }) => id)),
        pages.slice(middle).flatMap(({ found }) => found.map(({ id }) => id)),
      )
      await remove?.()
      assert.equal((await listAll(kit.target)).length, before.length)
    },
  },
  {
    name: 'who is seen at the target leads back to the lease',
    needs: ['seenAs'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const seen = (await kit.outside.seenAs?.(issued, order.secret)) ?? ''
      assert.ok(seen.length > 10)
      assert.ok(order.principal === seen || issued.acceptedPath.includes(seen))
      assert.ok(!issued.acceptedPath.includes(order.secret))
    },
  },
]

export const lookCases: readonly KitCase[] = [...shelter, ...fencing, ...looking]
