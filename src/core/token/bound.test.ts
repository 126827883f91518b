// Tokens of machines that live long: good for the holder of the key they were first used with.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { identityOf, someApp, trusting } from '../../../test/support/attested.ts'
import {
  ask,
  endWorld,
  giveManifest,
  type TokenWorld,
  tokenWorld,
} from '../../../test/support/token-world.ts'
import { toSeconds } from '../base/time.ts'
import { forgetAssertions } from '../identity/once.ts'

let world: TokenWorld
const uid = '7d8fa0c1-3a43-4b3a-8d6c-0f2f2f0a1b2c'
const rule = { 'kubernetes.io/serviceaccount/uid': uid, 'kubernetes.io/namespace': 'desk' }
beforeAll(async () => {
  world = await tokenWorld()
  const app = await someApp(world, 'pods')
  const identity = await identityOf(world, app)
  await trustPods(identity.id)
  await giveManifest(world, app)
})
afterAll(() => endWorld(world))

const trustPods = (id: Parameters<typeof trusting>[1]) => trusting(world, id, rule, 'kubernetes')
let pods = 0
/** As the kubelet writes it into the pod's file: an hour long, its audience in a list. */
const podToken = (more: Record<string, unknown> = {}) => {
  const iat = toSeconds(world.clock.now())
  const pod = { name: 'pods-1', uid: `pod-${pods++}` }
  const account = { namespace: 'desk', serviceaccount: { name: 'desk', uid }, pod }
  const claims = { iss: world.github.issuer, sub: 'system:serviceaccount:desk:desk' }
  const times = { iat, nbf: iat, exp: iat + 3600, jti: crypto.randomUUID() }
  const aud = [world.issuer]
  return world.github.issue({ ...claims, ...times, aud, 'kubernetes.io': account, ...more })
}
const use = async (token: string, boundTo?: string) => {
  const answer = await ask(world, token, { identity: 'pods/run', boundTo })
  if (answer.kind === 'refused') return `${answer.refusal.refused} ${answer.refusal.claim}`
  return answer.kind === 'issued' ? answer.token.row.taskId : answer.denial.rule
}

test('is good again and again for one key, for one task, and tells whose it is by itself', async () => {
  const token = await podToken()
  const first = await use(token, 'key-a')
  expect(first).toMatch(/^tk_/)
  expect(await use(token, 'key-a')).toBe(first)
  const answer = await ask(world, token, { identity: undefined, boundTo: 'key-a' })
  expect(answer).toMatchObject({ kind: 'issued', token: { isBound: true, row: { taskId: first } } })
})

test('is refused to whoever read it and has another key, or none', async () => {
  const token = await podToken()
  expect(await use(token)).toBe('key DPoP')
  expect(await use(token, 'key-a')).toMatch(/^tk_/)
  expect(await use(token, 'key-b')).toBe('used DPoP')
  expect(await use(token)).toBe('key DPoP')
  expect(await use(token, 'key-a')).toMatch(/^tk_/)
})

test('of two that come first with different keys one is first', async () => {
  const token = await podToken()
  const answers = await Promise.all(
    ['key-a', 'key-b', 'key-a', 'key-b'].map(key => use(token, key)),
  )
  const given = answers.filter(answer => answer.startsWith('tk_'))
  expect([given.length, new Set(given).size]).toEqual([2, 1])
  expect(answers.filter(answer => answer === 'used DPoP')).toHaveLength(2)
})

test('is refused when it lives too long, and stays bound however long it is remembered', async () => {
  const iat = toSeconds(world.clock.now())
  expect(await use(await podToken({ exp: iat + 7201 }), 'key-a')).toBe('time exp')
  const token = await podToken()
  await use(token, 'key-a')
  await forgetAssertions(world.store, world.clock.now())
  expect(await use(token, 'key-b')).toBe('used DPoP')
})

test('what may be of two kinds lives no longer than the stricter of them wants', async () => {
  const token = await podToken({ repository_id: '1', exp: toSeconds(world.clock.now()) + 300 })
  expect(await use(token, 'key-a')).toMatch(/^tk_/)
  const long = await podToken({ repository_id: '1' })
  expect(await use(long, 'key-a')).toBe('time exp')
})
