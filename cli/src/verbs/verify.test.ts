import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testCertificate } from '../../../test/support/signed-certificate.ts'
import { logOf, newKeys, rootPrint, tableOf } from '../../../test/support/signed-log.ts'
import { newHome, run, type World } from '../test/host.ts'
import { type Asked, problem, type Stub, startStub } from '../test/stub.ts'
import * as views from '../test/views.ts'

let stub: Stub
let world: World

beforeAll(async () => {
  stub = await startStub()
})
afterAll(async () => stub.stop())
beforeEach(() => {
  stub.asked.length = 0
  for (const key of Object.keys(stub.answers)) delete stub.answers[key]
  world = { home: newHome(), server: stub.url }
  return () => rm(world.home, { recursive: true })
})

describe('the certificate of an end', () => {
  const keys = newKeys()
  const file = () => join(world.home, 'demo/deal-desk.end.json')
  const put = async (text: string, trusted = rootPrint(keys)) => {
    await mkdir(join(world.home, 'demo'), { recursive: true })
    await writeFile(file(), text)
    await writeFile(join(world.home, 'demo/trusted-key.pub'), `${trusted}\n`)
  }

  test('looks as in the tutorial, and no server is asked', async () => {
    await put(testCertificate(keys))
    const seen = await run(world, 'verify', 'demo/deal-desk.end.json')
    expect(seen.code).toBe(0)
    const text = seen.seen.replaceAll(/[0-9a-f]{4}…[0-9a-f]{2}/g, '3f9a…c1')
    expect(text).toMatchInlineSnapshot(`
      "  deal-desk ended Sun 22 Nov 14:02:11, by Maya Ortiz           checked offline, server not asked
        ● signature        Leasehold demo key 3f9a…c1   (you trust it because: demo/trusted-key.pub)
        ● in the log       entry 4 of 5, inclusion proven to checkpoint 5
        ● 3 things         3 verified gone: 1 database user, 1 grant, 1 identity
        ● looked at        crm (list of roles)
        ○ not looked at    nothing: the app's manifest names no other system
        Without our code: docs/how-to/verify-with-other-tools.md (Go, 20 lines)
        Next: change one letter in the file and run this again
      "
    `)
    expect(stub.asked).toEqual([])
  })

  test('with one changed letter names the member and is exit 1', async () => {
    const text = testCertificate(keys)
    const payload = /"payload": "(.{20})/.exec(text)?.[1] ?? ''
    await put(text.replace(payload, `${payload.slice(0, -1)}!`))
    const seen = await run(world, 'verify', 'demo/deal-desk.end.json')
    expect(seen.code).toBe(1)
    expect(seen.out).toBe('  ✕ payload: the log holds the hash of another text\n')
    const json = await run(world, 'verify', 'demo/deal-desk.end.json', '--json')
    expect(JSON.parse(json.out)).toMatchObject({
      status: 'failed',
      result: { fields: ['payload'] },
    })
  })

  test('that is not green says what is left and is exit 1', async () => {
    await put(testCertificate(keys, { itemStates: ['still-there'] }))
    const { code, out, err } = await run(world, 'verify', 'demo/deal-desk.end.json')
    expect(code).toBe(1)
    expect(out).toContain('▲ 3 things         1 still there: 1 database user · 2 verified gone')
    expect(out).toContain('✕ still there   lh_deal_desk_7k2q')
    expect(err).toContain('Next: leasehold end deal-desk')
  })

  test('of a solo installation says that nobody else agreed', async () => {
    await put(testCertificate(keys, { mode: 'solo' }))
    expect((await run(world, 'verify', 'demo/deal-desk.end.json')).out).toContain(
      'nobody else agreed',
    )
  })

  test('is trusted by who was told, by a sign-in, or by the key beside it: and says which', async () => {
    const why = async (...more: string[]) =>
      /because: (.*)\)/.exec((await run(world, 'verify', file(), ...more)).out)?.[1]
    await put(testCertificate(keys), rootPrint(newKeys()))
    expect(await why()).toBeUndefined()
    expect(await why('--root', rootPrint(keys))).toBe('--root')
    const other = join(world.home, 'key.pub')
    await writeFile(other, rootPrint(keys))
    expect(await why('--root', other)).toBe('--root')
    const servers = join(world.home, '.config/leasehold/servers')
    await mkdir(servers, { recursive: true })
    const profile = { url: 'https://lh.example', rootFingerprint: rootPrint(keys) }
    await writeFile(join(servers, 'lh.json'), JSON.stringify(profile))
    expect(await why()).toBe('you signed in at https://lh.example')
    expect(await why('--root', rootPrint(newKeys()))).toBeUndefined()
  })

  test('that is no text, or not there, is a wrong use', async () => {
    await put('')
    await writeFile(file(), Buffer.from([0xff, 0xfe, 0x00]))
    expect(await run(world, 'verify', file())).toMatchObject({ code: 2 })
    expect(await run(world, 'verify', 'nothing.json')).toMatchObject({ code: 2 })
  })
})

describe('the log of a server', () => {
  const keys = newKeys()
  const leaves = Array.from({ length: 40 }, (_, i) => `entry ${i}`)

  const serve = (log: ReturnType<typeof logOf>, size: number) => {
    stub.answers['GET /v1/keys'] = tableOf(keys)
    stub.answers['GET /v1/me'] = views.me
    stub.answers['GET /v1/log/consistency'] = ({ path }: Asked) => {
      const from = Number(new URLSearchParams(path.split('?')[1]).get('from'))
      if (from > size) return { status: 400, body: problem('bad-request', 400, 'Too few entries.') }
      return { body: log.consistency(from, size) }
    }
    stub.answers['POST /v1/log/check'] = {
      entries: size,
      root: '',
      verified: true,
      checkpoints: 3,
      faults: [],
    }
  }

  test('is remembered, and found to have only grown', async () => {
    serve(logOf(keys, leaves), 12)
    const first = await run(world, 'verify')
    expect(first).toMatchObject({ code: 0 })
    expect(first.out).toContain('first look: remembered from now on')
    expect(first.out).toContain('12 entries, signed by the key of acme.example/log')
    serve(logOf(keys, leaves), 31)
    const later = await run(world, 'verify')
    expect(later).toMatchObject({ code: 0 })
    expect(later.out).toContain('the 12 entries seen before are its beginning')
  })

  test('that forgot what was seen is refused, loudly, again and again', async () => {
    serve(logOf(keys, leaves), 31)
    await run(world, 'verify')
    serve(logOf(keys, leaves), 12)
    for (const _ of [1, 2]) {
      const { code, err } = await run(world, 'verify')
      expect(code).toBe(1)
      expect(err).toContain('THE LOG IS NOT THE ONE SEEN BEFORE: its 12 entries')
      expect(err).toContain('LH-LOG-16')
    }
    serve(logOf(keys, leaves), 31)
    expect(await run(world, 'verify')).toMatchObject({ code: 0 })
  })

  test('that was written anew is refused though it is longer and signed', async () => {
    serve(logOf(keys, leaves), 12)
    await run(world, 'verify')
    const forged = leaves.with(3, 'another entry')
    serve(logOf(keys, forged), 31)
    expect(await run(world, 'verify')).toMatchObject({ code: 1 })
  })

  test('signed by a key that the root key did not name is refused', async () => {
    serve(logOf(newKeys(), leaves), 12)
    const { code, err } = await run(world, 'verify')
    expect(code).toBe(1)
    expect(err).toContain("no key of this installation's log signed it")
  })

  test('in which the server itself finds a fault is not good', async () => {
    serve(logOf(keys, leaves), 12)
    stub.answers['POST /v1/log/check'] = {
      entries: 12,
      root: '',
      verified: false,
      checkpoints: 3,
      faults: ['entry 7 is not what was hashed'],
    }
    const { code, out } = await run(world, 'verify')
    expect(code).toBe(1)
    expect(out).toContain('✕ entry 7 is not what was hashed')
  })
})
