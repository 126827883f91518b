/** Of the kit: rights, making, changing and ending. */
import assert from 'node:assert/strict'
import { addSeconds } from '../../../src/core/base/time.ts'
import { judge } from '../../../src/core/target/judge.ts'
import type { KitCase } from './kit.ts'
import * as kitTools from './tools.ts'

const { expectProblem, issueNew, listAll, look, newOrder, newPrincipal } = kitTools
const { holds, outcomeOf, soon, verdict } = kitTools

const rights: readonly KitCase[] = [
  {
    name: 'a canary lives its whole life before anything is issued',
    async run({ target }) {
      const { ok, steps } = await target.preflight(soon())
      assert.deepEqual(
        steps.filter(step => !step.ok),
        [],
      )
      assert.ok(ok && steps.length >= 5)
    },
  },
  {
    name: 'a lease does what was agreed and nothing else',
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const session = await kit.signIn(issued, order.secret)
      for (const what of kit.allowed) await session.use(what)
      assert.equal(await outcomeOf(session.use(kit.forbidden)), 'refused')
      await session.close()
    },
  },
  {
    name: 'narrowing a grant narrows what is open under it',
    needs: ['holders', 'asksLess'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const session = await kit.signIn(issued, order.secret)
      const [kept, lost] = kit.allowed
      await session.use(lost)
      await kit.target.ensureHolder({ ...order, ...kit.asksLess }, soon())
      await session.use(kept)
      assert.equal(await outcomeOf(session.use(lost)), 'refused')
      await session.close()
    },
  },
  {
    name: 'many grants on one thing are made at once, each twice, without an error',
    async run(kit) {
      const orders = Array.from({ length: 12 }, () => newOrder(kit))
      const twice = [...orders, ...orders]
      await Promise.all(twice.map(order => kit.target.ensureHolder(order, soon())))
      if (!kit.traits.includes('holders')) return
      for (const { holder } of orders) assert.equal(await kit.outside.has?.(holder), true)
    },
  },
  {
    name: 'a rights holder is removed, twice if asked, and looked for',
    needs: ['holders', 'has'],
    async run(kit) {
      const { target } = kit
      const order = newOrder(kit)
      await target.ensureHolder(order, soon())
      assert.equal((await target.verifyHolderGone(order.holder, soon())).listed, 'present')
      await target.removeHolder(order.holder, soon())
      await target.removeHolder(order.holder, soon())
      const gone = { listed: 'absent', residue: [] }
      holds(await target.verifyHolderGone(order.holder, soon()), gone)
      assert.equal(await kit.outside.has?.(order.holder), false)
    },
  },
  {
    name: 'a resource that nobody may name is refused before anything is asked',
    async run({ badObjects, connector, asks }) {
      const parsed = connector.parseObject(asks.object)
      assert.deepEqual(connector.parseObject(parsed), parsed)
      assert.ok(badObjects.length > 0)
      for (const object of badObjects)
        assert.throws(() => connector.parseObject(object), /^Problem: invalid-field/)
    },
  },
]

const issuing: readonly KitCase[] = [
  {
    name: 'an issued credential was accepted, and dies by itself when it says so',
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      assert.notEqual(issued.acceptedPath, '')
      const { diesByItself, longestSeconds } = kit.target.describe()
      const longest = addSeconds(kit.clock.now(), longestSeconds ?? 0)
      if (longestSeconds === undefined)
        assert.equal(issued.diesAt, diesByItself ? order.endsAt : null)
      else assert.ok(issued.diesAt !== null && issued.diesAt >= longest)
      await (await kit.signIn(issued, order.secret)).close()
      assert.equal(await outcomeOf(kit.signIn(issued, kit.newSecret())), 'refused')
    },
  },
  {
    name: 'issuing twice makes one principal, and its credential works',
    async run(kit) {
      const before = await kit.outside.count()
      const { order, issued } = await issueNew(kit)
      const again = await kit.target.issue(order, soon())
      const { secret: _, diesAt: __, ...same } = issued
      if (kit.traits.includes('mints')) holds(again, same)
      else assert.deepEqual(again, issued)
      await (await kit.signIn(issued, order.secret)).close()
      assert.equal(await kit.outside.count(), before + 1)
      if (!kit.traits.includes('lists')) return
      const found = await listAll(kit.target)
      assert.equal(found.filter(each => each.name === order.principal).length, 1)
    },
  },
  {
    name: '32 leases are issued and ended at once under one grant, without an error',
    async run(kit) {
      const before = await kit.outside.count()
      const grant = newOrder(kit)
      await kit.target.ensureHolder(grant, soon())
      const orders = Array.from({ length: 32 }, () => ({ ...grant, ...newPrincipal() }))
      const issued = await Promise.all(orders.map(order => kit.target.issue(order, soon())))
      assert.equal(await kit.outside.count(), before + 32)
      const held = orders.map((order, i) => ({ ...order, ...secretOf(issued[i]) }))
      await Promise.all(held.map(order => kit.target.end(order, soon())))
      assert.equal(await kit.outside.count(), before)
    },
  },
  {
    name: 'without its grant nothing is issued',
    needs: ['holders', 'has'],
    async run(kit) {
      const order = newOrder(kit)
      await expectProblem(kit.target.issue(order, soon()), 'target-refused')
      assert.equal(await kit.outside.has?.(order.principal), false)
    },
  },
]

function secretOf(issued: { readonly secret?: string } | undefined): { secret?: string } {
  return issued?.secret === undefined ? {} : { secret: issued.secret }
}

const changing: readonly KitCase[] = [
  {
    name: 'renewing moves the end of the same credential',
    needs: ['canRenew', 'key'],
    async run(kit) {
      const before = await kit.outside.count()
      const { order, issued } = await issueNew(kit)
      const later = { ...order, endsAt: addSeconds(order.endsAt, 600) }
      const renewed = await kit.target.renew(later, soon())
      const { secret: _, ...same } = issued
      if (kit.target.describe().diesByItself)
        assert.deepEqual(renewed, { ...same, diesAt: later.endsAt })
      else assert.ok(renewed.diesAt === null || renewed.diesAt >= later.endsAt)
      holds(renewed, { acceptedPath: issued.acceptedPath, connect: issued.connect })
      assert.equal(await kit.outside.count(), before + 1)
      await (await kit.signIn(issued, order.secret)).close()
      await kit.target.end(order, soon())
      await expectProblem(kit.target.renew(later, soon()), 'target-refused')
      assert.equal(await kit.outside.count(), before)
    },
  },
  {
    name: 'a held credential is cut off and refused, a released one works again',
    needs: ['canHold', 'key'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const session = await kit.signIn(issued, order.secret)
      await kit.target.hold(order.principal, soon())
      assert.equal(await outcomeOf(session.use(kit.allowed[0])), 'refused')
      assert.equal(await outcomeOf(kit.signIn(issued, order.secret)), 'refused')
      // Issuing again is no way around a hold.
      await expectProblem(kit.target.issue(order, soon()), 'target-refused')
      await kit.target.release(order.principal, soon())
      await (await kit.signIn(issued, order.secret)).close()
    },
  },
  {
    name: 'a secret that its holder changed is noticed, is not renewed, and ends',
    needs: ['canChangeSecret'],
    async run(kit) {
      const { target } = kit
      const { order, issued } = await issueNew(kit)
      assert.equal(await target.checkIntact?.(order, soon()), true)
      const session = await kit.signIn(issued, order.secret)
      const own = kit.newSecret()
      await session.changeSecret?.(own)
      await session.close()
      assert.equal(await target.checkIntact?.(order, soon()), false)
      await expectProblem(target.renew(order, soon()), 'target-refused')
      await target.end(order, soon())
      assert.equal(await outcomeOf(kit.signIn(issued, own)), 'refused')
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
      // Of what is not live there is no telling.
      const untold = target.checkIntact?.(order, soon()) ?? Promise.resolve()
      await expectProblem(untold, 'target-unavailable')
    },
  },
]

const ending: readonly KitCase[] = [
  {
    name: 'ending twice is ending once, and what never was ends as well',
    async run(kit) {
      const before = await kit.outside.count()
      const { order, issued } = await issueNew(kit)
      await kit.target.end(order, soon())
      await kit.target.end(order, soon())
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
      await kit.target.end({ ...order, ...newPrincipal() }, soon())
      assert.equal(await kit.outside.count(), before)
    },
  },
  {
    name: 'an end cuts what is open',
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const session = await kit.signIn(issued, order.secret)
      await session.use(kit.allowed[0])
      await kit.target.end(order, soon())
      assert.equal(await outcomeOf(session.use(kit.allowed[0])), 'refused')
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
    },
  },
  {
    name: 'one that others dropped ends, with the session they left open',
    needs: ['drop'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const session = await kit.signIn(issued, order.secret)
      await kit.outside.drop?.(order.principal, order.secret)
      if (kit.traits.includes('sessions'))
        assert.notEqual(await verdict(kit, order, issued), 'verified-gone')
      await kit.target.end(order, soon())
      assert.equal(await outcomeOf(session.use(kit.allowed[0])), 'refused')
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
    },
  },
  {
    name: 'what stays behind is named until others take it away',
    needs: ['burden'],
    async run(kit) {
      const { order, issued } = await issueNew(kit)
      const relieve = await kit.outside.burden?.(order.principal)
      await kit.target.end(order, soon()).catch(() => {})
      const evidence = await look(kit, order, issued)
      assert.equal(judge(evidence), 'still-there')
      assert.ok(evidence.residue.length > 0)
      // Contained meanwhile: it is there, and nobody gets in with it.
      holds(evidence, { credential: 'refused', sessions: 0 })
      await relieve?.()
      await kit.target.end(order, soon())
      assert.equal(await verdict(kit, order, issued), 'verified-gone')
    },
  },
]

export const lifeCases: readonly KitCase[] = [...rights, ...issuing, ...changing, ...ending]
