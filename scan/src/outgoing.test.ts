/** What would do more than read does not leave, and the pace is the other side's. */
import { describe, expect, test } from 'vitest'
import { fromMs, toMs } from '../../src/core/base/time.ts'
import { handClock } from '../../test/support/clock.ts'
import { Calls, type Going, isReading, openWay, type Reads, readOnly } from './outgoing.ts'

const onlyGet: Reads = (method, { pathname }) => (method === 'GET' ? `GET ${pathname}` : undefined)

function openGoing(answers: readonly (() => Response)[]) {
  const clock = handClock()
  const sent: string[] = []
  const waits: string[] = []
  const going: Going = {
    clock,
    calls: new Calls(),
    sleep: async ms => clock.advance(ms),
    waiting: (system, until) => waits.push(`${system} ${until}`),
    fetch: async (input, init) => {
      sent.push(`${init?.method ?? 'GET'} ${input as string}`)
      return (answers[sent.length - 1] ?? (() => new Response('{}')))()
    },
  }
  return { clock, sent, waits, going, began: clock.now() }
}

const at = 'http://127.0.0.1/things'

describe('the way out', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s is kept back, and counted',
    async method => {
      const { going, sent } = openGoing([])
      const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
      await expect(way(at, { method })).rejects.toMatchObject({ code: 'target-refused' })
      expect(sent).toEqual([])
      expect(going.calls.keptBack).toBe(1)
    },
  )

  test('GET leaves, and is listed by its shape without query', async () => {
    const { going, sent } = openGoing([])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
    await way(`${at}?cursor=abc`)
    await way(`${at}?cursor=def`)
    expect(sent).toHaveLength(2)
    expect(going.calls.list()).toEqual([{ system: 'x', shape: 'GET /things', times: 2 }])
  })

  test('a form is kept back whatever its method', async () => {
    const { going } = openGoing([])
    const way = openWay({ system: 'x', reads: () => 'anything', gapMs: 0 }, going)
    const sending = way(at, { method: 'POST', body: new URLSearchParams('a=b') })
    await expect(sending).rejects.toMatchObject({ code: 'target-refused' })
  })

  test('between two requests is the gap of their system', async () => {
    const { going, clock, began } = openGoing([])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 3_000 }, going)
    for (let i = 0; i < 3; i++) await way(at)
    expect(toMs(clock.now()) - toMs(began)).toBe(6_000)
  })

  test('where it is too much, the same is asked again when the other side says, and it is told', async () => {
    const after = { 'retry-after': '90' }
    const limited = () => new Response('', { status: 429, headers: after })
    const { going, clock, began, sent, waits } = openGoing([limited])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
    expect((await way(at)).status).toBe(200)
    expect(sent).toHaveLength(2)
    expect(toMs(clock.now()) - toMs(began)).toBe(90_000)
    expect(waits).toEqual([`x ${fromMs(toMs(began) + 90_000)}`])
  })

  test('when nothing is left of the hour, the next waits for the next hour', async () => {
    const { going, clock, began } = openGoing([
      () => {
        const reset = String(toMs(began) / 1000 + 1_800)
        const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }
        return new Response('{}', { headers })
      },
    ])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
    await way(at)
    await way(at)
    expect(toMs(clock.now()) - toMs(began)).toBe(1_801_000)
  })

  test('a refusal that is about rights is no limit: it comes back at once', async () => {
    const { going, clock, began } = openGoing([() => new Response('', { status: 403 })])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
    expect((await way(at)).status).toBe(403)
    expect(clock.now()).toBe(began)
  })

  test('who would let us wait for hours is given up', async () => {
    const limited = () => new Response('', { status: 429, headers: { 'retry-after': '90000' } })
    const { going, sent } = openGoing([limited])
    const way = openWay({ system: 'x', reads: onlyGet, gapMs: 0 }, going)
    expect((await way(at)).status).toBe(429)
    expect(sent).toHaveLength(1)
  })
})

describe('a statement', () => {
  test.each([
    'select 1',
    '\n  SHOW USERS LIMIT 51',
    'DESCRIBE USER "A"',
    `SHOW GRANTS TO ROLE "a;b"`,
    "select ';into'",
  ])('%s reads', statement => {
    expect(isReading(statement)).toBe(true)
  })
  test.each([
    'drop role a',
    'select 1; drop role a',
    'select * into copy from people',
    'SHOW USERS; ALTER USER "A" SET DISABLED = TRUE',
    'with gone as (delete from a returning 1) select 1',
    'selected',
    '',
  ])('%s does not leave', statement => {
    expect(isReading(statement)).toBe(false)
  })

  test('a session is told to read only before anything else, and nothing else passes', async () => {
    const calls = new Calls()
    const seen: string[] = []
    const sql = async (text: string) => void seen.push(text)
    const session = { system: 'x', calls, begin: 'set read only', shape: 'select … from a' }
    await readOnly(sql, session, async guarded => {
      await guarded('select 1')
      await expect((async () => guarded('drop role a'))()).rejects.toThrow('kept back')
    })
    expect(seen).toEqual(['set read only', 'select 1'])
  })
})
