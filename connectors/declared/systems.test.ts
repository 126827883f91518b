/** Each file that ships, against a pretend vendor that is strict: what it promises, and what it can not. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { addSeconds } from '../../src/core/base/time.ts'
import { judge } from '../../src/core/target/judge.ts'
import type { IssueOrder, Target } from '../../src/core/target/target.ts'
import { startFakeOpenai, startFakeOpenbao } from '../../test/fakes/vendors.ts'
import { handClock } from '../../test/support/clock.ts'
import { fileOf } from '../../test/support/kit/declared.ts'
import { declaredConnector } from './declared.ts'

const soon = () => AbortSignal.timeout(10_000)
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const clock = handClock()
const open = (config: object) =>
  declaredConnector.open(declaredConnector.parseConfig(config as Json), clock)

function orderOf(name: string, more: Partial<IssueOrder> = {}): IssueOrder {
  return {
    principal: `lh_ab12cd_deals_${name}`,
    holder: 'lhg_ab12cd_1',
    owner: 'lho_ab12cd_1',
    object: {},
    actions: [],
    columns: [],
    secret: 'derived-and-never-used',
    deadline: addSeconds(clock.now(), 10),
    endsAt: addSeconds(clock.now(), 900),
    ...more,
  }
}

async function issued(target: Target, order: IssueOrder) {
  await target.ensureHolder(order, soon())
  const made = await target.issue(order, soon())
  return { ...order, secret: made.secret ?? '', acceptedPath: made.acceptedPath, made }
}
const looked = (target: Target, order: Parameters<Target['verifyGone']>[0]) =>
  target.verifyGone(order, soon())

describe('OpenAI', () => {
  const all = ['read', 'write', 'destroy', 'spend'] as const

  async function connected(more: object = {}) {
    const openai = await startFakeOpenai(clock)
    closing.push(() => openai.close())
    const { url, adminKey: credential, probe } = openai
    const settings = { project: 'proj_acme' }
    const target = open({ file: fileOf('openai'), url, credential, probe, settings, ...more })
    return { openai, target }
  }

  test('says what it can do by what its file declares', async () => {
    const { target } = await connected()
    expect(target.describe()).toEqual({
      connector: 'declared',
      paths: [
        'what is listed there (GET /v1/organization/projects/{setting.project}/service_accounts)',
        'the credential itself (GET /v1/models)',
      ],
      canRenew: true,
      canHold: false,
      diesByItself: false,
      longestSeconds: 86_340,
      hasGateway: true,
      callsAtOnce: 4,
    })
  })

  test('lives a whole canary, and leaves nothing', async () => {
    const { openai, target } = await connected()
    const { ok, steps } = await target.preflight(soon())
    expect(steps.filter(step => !step.ok)).toEqual([])
    expect(ok).toBe(true)
    expect(openai.there()).toEqual([])
    expect(openai.breaches).toEqual([])
  })

  test('a lease is a service account with a key that dies in a day, gone when both ways say so', async () => {
    const { openai, target } = await connected()
    const lease = await issued(target, orderOf('a', { actions: all }))
    expect(lease.secret).toMatch(/^sk-svcacct-/)
    expect(lease.made).toMatchObject({
      diesAt: addSeconds(clock.now(), 86_400).replace(/\d{3}Z/, '000Z'),
    })
    expect(lease.made.connect).toMatchObject({ preset: 'openai', name: lease.principal })
    expect(judge(await looked(target, lease))).toBe('still-there')
    await target.end(lease, soon())
    const gone = await looked(target, lease)
    expect(gone).toMatchObject({ listed: 'absent', credential: 'refused', probe: 'accepted' })
    expect(judge(gone)).toBe('verified-gone')
    expect(openai.breaches).toEqual([])
  })

  test('a 401 of another kind proves nothing', async () => {
    const { openai, target } = await connected()
    const lease = await issued(target, orderOf('b', { actions: all }))
    await target.end(lease, soon())
    openai.state.isAddressAllowed = false
    const seen = await looked(target, lease)
    expect(seen).toMatchObject({ listed: 'unknown', credential: 'not-tried', probe: 'not-tried' })
    expect(judge(seen)).toBe('unreachable')
  })

  test('less than its keys can do is not issued, nor more', async () => {
    const { openai, target } = await connected()
    const less = orderOf('c', { actions: ['spend'] })
    await expect(target.ensureHolder(less, soon())).rejects.toMatchObject({
      code: 'target-refused',
      detail: 'Each credential of OpenAI can `read` as well.',
    })
    const more = orderOf('c', { actions: [...all, 'change-privilege'] })
    await expect(target.issue(more, soon())).rejects.toThrow(/can not `change-privilege`/)
    expect(openai.there()).toEqual([])
  })

  test('a key that would live on is taken back, and nobody is given it', async () => {
    const { openai, target } = await connected()
    openai.state.honoursEnd = false
    await expect(target.issue(orderOf('d', { actions: all }), soon())).rejects.toThrow(
      /live longer than its file says/,
    )
    expect(openai.there()).toEqual([])
  })

  test('through our gateway a request has the key of its lease, and its class', async () => {
    const { target } = await connected()
    expect(target.upstream?.ofLease?.('sk-x')).toEqual({ authorization: 'Bearer sk-x' })
    expect(target.upstream?.classOf(null, 'POST /v1/responses?x')).toBe('spend')
    expect(target.upstream?.classOf(null, 'POST /v1/organization/projects')).toBe(
      'change-privilege',
    )
    await expect(target.upstream?.credential()).rejects.toThrow(/credential of its own/)
  })
})

describe('OpenBao', () => {
  const reads = { object: { role: 'readonly' }, actions: ['read'] } as const

  async function connected() {
    const bao = await startFakeOpenbao(clock)
    closing.push(() => bao.close())
    const { url, token: credential } = bao
    const of = { settings: { mount: 'database' }, canary: { role: 'readonly' } }
    return { bao, target: open({ file: fileOf('openbao'), url, credential, ...of }) }
  }

  test('says that it proves by one way alone, and that nothing there has a name of ours', async () => {
    const { target } = await connected()
    expect(target.describe()).toEqual({
      connector: 'declared',
      paths: ['what is listed there (POST /v1/sys/leases/lookup)'],
      canRenew: true,
      canHold: false,
      diesByItself: false,
      longestSeconds: 3_540,
      isNameless: true,
    })
    const { found, unseen } = await target.inventory(null, soon())
    expect({ found, unseen }).toEqual({
      found: [],
      unseen: [{ what: 'what is at OpenBao', needs: 'a `list` in its file' }],
    })
  })

  test('a canary passes, and says what no end of it proves', async () => {
    const { bao, target } = await connected()
    const { ok, steps } = await target.preflight(soon())
    expect(ok).toBe(true)
    expect(steps.at(-1)?.detail).toMatch(
      /no call that tries the credential.*no end is verified gone/,
    )
    expect(steps.at(-1)?.detail).toMatch(/What is lost on the way has no name at OpenBao/)
    expect([...bao.state.leases]).toEqual([])
    expect(bao.breaches).toEqual([])
  })

  test('a lease is prolonged and ended, and its end is never verified: OpenBao alone says so', async () => {
    const { bao, target } = await connected()
    const lease = await issued(target, orderOf('a', reads))
    expect(JSON.parse(lease.secret)).toEqual({
      id: [...bao.state.leases.keys()][0],
      username: expect.stringMatching(/^v-token-readonly-/),
      password: expect.any(String),
    })
    expect(lease.made.connect['user']).toBeUndefined()
    expect(lease.made.connect['username']).toMatch(/^v-token-readonly-/)
    expect(JSON.stringify(lease.made.connect)).not.toContain(JSON.parse(lease.secret).password)
    const renewed = await target.renew({ ...lease, endsAt: addSeconds(clock.now(), 1_800) }, soon())
    expect(renewed.diesAt).toBe(addSeconds(clock.now(), 1_800))
    expect(renewed.acceptedPath).toBe(lease.acceptedPath)
    expect(judge(await looked(target, lease))).toBe('still-there')
    await target.end(lease, soon())
    const gone = await looked(target, lease)
    expect(gone).toMatchObject({ listed: 'absent', credential: 'not-tried', sessions: null })
    expect(judge(gone)).toBe('revoked-unverified')
    expect(gone.because).toMatch(/no end is verified gone/)
    // Issuing again, with what was made, makes no other.
    await expect(target.issue(lease, soon())).rejects.toThrow(/not there any more/)
    expect(bao.breaches).toEqual([])
  })

  test('an end that did nothing is still there', async () => {
    const { bao, target } = await connected()
    const lease = await issued(target, orderOf('b', reads))
    bao.state.revokes = false
    await target.end(lease, soon())
    expect(judge(await looked(target, lease))).toBe('still-there')
  })

  test('one whose answer was lost has no name: it is unknown until its life is over', async () => {
    const { bao, target } = await connected()
    const order = orderOf('c', reads)
    bao.state.loses = true
    await expect(target.issue(order, soon())).rejects.toMatchObject({ code: 'target-unavailable' })
    const lost = { ...order, acceptedPath: null }
    await target.end(lost, soon())
    expect(bao.state.leases.size).toBe(1)
    const seen = await looked(target, lost)
    expect(judge(seen)).toBe('unreachable')
    expect(seen.because).toMatch(/takes no name of ours.*can live until/)
    clock.advance(3_600_000 + 311_000)
    expect(judge(await looked(target, lost))).toBe('revoked-unverified')
  })

  test('a role that gives more time than the file says is refused, and what it gave is ended', async () => {
    const { bao, target } = await connected()
    bao.state.leaseSeconds = 86_400
    await expect(target.issue(orderOf('d', reads), soon())).rejects.toThrow(/longer than its file/)
    expect(bao.state.leases.size).toBe(0)
  })

  test('a role of another name is refused by OpenBao, one with a path in it by us', async () => {
    const { bao, target } = await connected()
    const named = (role: string) => orderOf('e', { ...reads, object: { role } })
    await expect(target.issue(named('other'), soon())).rejects.toMatchObject({
      code: 'target-refused',
    })
    for (const role of ['../config', 'a/b', '..', 'ｒ'])
      await expect(target.issue(named(role), soon())).rejects.toMatchObject({
        code: 'invalid-field',
      })
    expect(bao.state.leases.size).toBe(0)
  })
})
