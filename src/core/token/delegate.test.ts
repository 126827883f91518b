import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  changeApp,
  ciToken,
  githubRule,
  identityOf,
  ourIssuer,
  personToken,
  someApp,
  trusting,
} from '../../../test/support/attested.ts'
import { testPermit } from '../../../test/support/permit.ts'
import { readEntries } from '../../../test/support/replay.ts'
import {
  endWorld,
  giveManifest,
  issued,
  type TokenWorld,
  tokenWorld,
} from '../../../test/support/token-world.ts'
import type { AppRow } from '../app/rows.ts'
import { newId } from '../base/ids.ts'
import { limits } from '../base/limits.ts'
import { setHold } from '../hold/set.ts'
import type { IdentityRow } from '../identity/rows.ts'
import { entryKind } from '../ledger/kind.ts'
import { recorded } from '../ledger/record.ts'
import { closeTask, sweepTasks } from '../task/close.ts'
import { touchIn } from '../task/open.ts'
import { findTask } from '../task/rows.ts'
import { type DelegateWorld, handOn, takeUp } from './delegate.ts'
import type { ExchangeAnswer, IssuedToken } from './exchange.ts'
import { revokeToken } from './revoke.ts'
import { verifyTaskToken } from './verify.ts'

interface Worker {
  readonly app: AppRow
  readonly identity: IdentityRow
  readonly repository: string
}

let world: TokenWorld
let delegating: DelegateWorld
let first: Worker
let helper: Worker
let third: Worker
let runs = 0

beforeAll(async () => {
  world = await tokenWorld()
  const { tokenKeys, verified } = world.verifying
  delegating = { ...world, tokenKeys, verified }
  first = { app: world.app, identity: world.run, repository: githubRule.repository_id }
  helper = await worker('helper', '2002')
  third = await worker('third', '3003')
})
afterAll(() => endWorld(world))
beforeEach(() => void runs++)

async function worker(slug: string, repository: string): Promise<Worker> {
  const app = await someApp(world, slug)
  const identity = await identityOf(world, app)
  await trusting(world, identity.id, { ...githubRule, repository_id: repository })
  await trusting(world, identity.id, { as: ['owner', 'backup'] }, 'person')
  await giveManifest(world, app)
  return { app, identity, repository }
}

/** Its own task and token, of a run of its own. */
async function ownToken({ app, repository }: Worker): Promise<IssuedToken> {
  const token = await ciToken(world, { run_id: `${app.slug} ${runs}`, repository_id: repository })
  return issued(world, token, { identity: `${app.slug}/run`, audience: ourIssuer })
}

const verify = (token: string, audience = ourIssuer) =>
  verifyTaskToken(world.verifying, token, audience)
const given = (answer: ExchangeAnswer): IssuedToken => {
  if (answer.kind !== 'issued') throw new Error(JSON.stringify(answer))
  return answer.token
}
const handed = async (own: IssuedToken, to: Worker) =>
  given(
    await handOn(delegating, { holder: await verify(own.accessToken), to: to.identity.spiffeId }),
  )
const taken = async (own: IssuedToken, token: string, purpose = 'refresh') =>
  takeUp(delegating, {
    handed: token,
    holder: await verify(own.accessToken),
    purpose,
    boundTo: null,
  })
const claims = ({ accessToken }: IssuedToken) =>
  JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as {
    act?: unknown
  }

/** `helper` at work for `first`. */
async function delegated() {
  const own = await ownToken(first)
  const other = await ownToken(helper)
  const token = await handed(own, helper)
  return { own, other, token, both: given(await taken(other, token.accessToken)) }
}

describe('work that is handed on', () => {
  test('is a task of who takes it up, for the task of who handed it on, which the token says', async () => {
    const { own, other, both } = await delegated()
    expect(claims(both)).toMatchObject({
      sub: helper.identity.spiffeId,
      scope: 'refresh',
      act: { sub: first.identity.spiffeId },
    })
    expect(both.row.taskId).not.toBe(other.row.taskId)
    expect(await findTask(world.store, both.row.taskId)).toMatchObject({
      parentId: own.row.taskId,
      identityId: helper.identity.id,
    })
    const kinds = (await readEntries(world.store)).slice(-2).map(({ kind }) => kind)
    expect(kinds).toEqual(['token.hand-on', 'token.take-up'])
    const again = given(await taken(other, (await handed(own, helper)).accessToken))
    expect(again.row.taskId).toBe(both.row.taskId)
  })

  test('names the person it is for, behind the workload, and is watched where both are', async () => {
    const sign = () => personToken(world, first.app.ownerId)
    const own = await issued(world, await sign(), { audience: ourIssuer })
    const unwatched = given(
      await taken(await ownToken(helper), (await handed(own, helper)).accessToken),
    )
    const act = { sub: first.identity.spiffeId, act: { sub: first.app.ownerId } }
    expect(claims(unwatched)).toMatchObject({ act })
    expect(await findTask(world.store, unwatched.row.taskId)).toMatchObject({
      onBehalfOf: first.app.ownerId,
      autonomy: 'unattended',
    })
  })

  test('what was handed on is good for nothing else, and for nobody else', async () => {
    const own = await ownToken(first)
    const token = (await handed(own, helper)).accessToken
    await expect(verify(token)).rejects.toMatchObject({ code: 'token-refused' })
    for (const other of [await ownToken(third), own])
      await expect(taken(other, token)).rejects.toMatchObject({
        code: 'token-refused',
        detail: 'This token is for another audience.',
      })
    // Nor is a token of the first itself.
    await expect(taken(await ownToken(helper), own.accessToken)).rejects.toMatchObject({
      code: 'token-refused',
    })
  })

  test('is denied for a purpose its own manifest does not name', async () => {
    const own = await ownToken(first)
    const token = (await handed(own, helper)).accessToken
    expect(await taken(await ownToken(helper), token, 'mining')).toMatchObject({
      kind: 'denied',
      denial: { rule: 'default-deny' },
    })
  })

  test('is not handed to who is not known, round in a ring, or too often', async () => {
    const { own, both } = await delegated()
    const holder = await verify(own.accessToken)
    await expect(
      handOn(delegating, { holder, to: 'spiffe://example.com/app/none/run' }),
    ).rejects.toMatchObject({ code: 'not-found', field: 'audience' })
    await expect(handed(own, first)).rejects.toMatchObject({ detail: /ring/ })
    await expect(handed(both, first)).rejects.toMatchObject({ detail: /ring/ })
    let last = both
    for (let step = 2; step <= limits.delegationSteps; step++) {
      const next = await worker(`step-${runs}-${step}`, `${runs}${step}00`)
      last = given(await taken(await ownToken(next), (await handed(last, next)).accessToken))
    }
    await expect(handed(last, third)).rejects.toMatchObject({ detail: /at most/ })
  })

  test('is not taken up for one person by who works for another', async () => {
    const own = await issued(world, await personToken(world, first.app.ownerId), {
      audience: ourIssuer,
    })
    const other = await issued(world, await personToken(world, helper.app.ownerId), {
      identity: 'helper/run',
      audience: ourIssuer,
    })
    const token = (await handed(own, helper)).accessToken
    await expect(taken(other, token)).rejects.toMatchObject({ detail: /another person/ })
  })
})

describe('with the first', () => {
  test.each<[string, (own: IssuedToken) => Promise<unknown>]>([
    [
      'its task closed',
      ({ row }) =>
        closeTask(world, testPermit('task.close', first.identity.id, row.taskId), {
          taskId: row.taskId,
          because: 'done',
        }),
    ],
    [
      'its task on hold',
      ({ row }) => {
        const id = newId('hold')
        const permit = testPermit('hold.set', world.first.id, id)
        return setHold(world, permit, { id, scope: 'task', about: row.taskId, reason: 'a test' })
      },
    ],
  ])('%s, the other’s token stands no more, and nothing is taken up', async (_, change) => {
    const { own, other, token, both } = await delegated()
    await verify(both.accessToken)
    await change(own)
    await expect(verify(both.accessToken)).rejects.toMatchObject({ code: 'token-refused' })
    await expect(taken(other, token.accessToken)).rejects.toMatchObject({ code: 'token-refused' })
    expect((await verify(other.accessToken)).taskId).toBe(other.row.taskId)
  })

  test('paused, the other’s token stands no more', async () => {
    const { both } = await delegated()
    const paused = await changeApp(world, world.app, {
      version: 1,
      state: 'paused',
      pausedBecause: 'owner',
    })
    await expect(verify(both.accessToken)).rejects.toMatchObject({ detail: /Its app is paused/ })
    await changeApp(world, paused, { state: 'active', pausedBecause: null })
    await verify(both.accessToken)
  })

  test('over, the other’s task is closed, and says why', async () => {
    const { own, both } = await delegated()
    const { taskId } = own.row
    const permit = testPermit('task.close', first.identity.id, taskId)
    await closeTask(world, permit, { taskId, because: 'done' })
    await sweepTasks(world)
    expect(await findTask(world.store, both.row.taskId)).toMatchObject({
      state: 'closed',
      closedBecause: 'parent',
    })
  })

  test('learns what the other learned', async () => {
    const { own, both } = await delegated()
    await recorded(world, async scope => {
      await touchIn(scope, both.row.taskId, 'customer')
      scope.entry({ kind: learned, by: helper.identity.id })
    })
    for (const id of [both.row.taskId, own.row.taskId])
      expect(await findTask(world.store, id)).toMatchObject({ touched: ['customer'] })
  })

  test('its token that was handed on can be revoked by itself', async () => {
    const { other, token } = await delegated()
    const tokenId = token.row.id
    await revokeToken(world, testPermit('token.revoke', world.first.id, tokenId), { tokenId })
    await expect(taken(other, token.accessToken)).rejects.toMatchObject({ code: 'token-refused' })
  })
})

const learned = entryKind('test.learn', 'learned something in a test')
