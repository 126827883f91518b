/** Snowflake for the kit: the pretend one, on a clock turned by hand. */
import { randomBytes } from 'node:crypto'
import { snowflakeConnector } from '../../../connectors/snowflake/snowflake.ts'
import type { Issued } from '../../../src/core/target/target.ts'
import type { Fault } from '../../fakes/github/state.ts'
import { newUser } from '../../fakes/snowflake/state.ts'
import { type FakeSnowflake, startFakeSnowflake } from '../../fakes/snowflake.ts'
import { handClock } from '../clock.ts'
import type { KitFixture, KitOutside, KitSession } from './kit.ts'

const deals = '"SALES"."CRM"."DEALS"'
const unlocked =
  'Snowflake has no lock: its own clock is compared in the statement, which a test of the connector holds back'

export async function snowflakeFixture(): Promise<KitFixture> {
  const clock = handClock()
  const snowflake = await startFakeSnowflake(clock)
  const { config } = snowflake
  const openAt = (port: number) => {
    const url = `http://127.0.0.1:${port}`
    return snowflakeConnector.open(snowflakeConnector.parseConfig({ ...config, url }), clock)
  }
  const port = Number(new URL(snowflake.url).port)
  const target = openAt(port)
  const object = { database: 'SALES', schema: 'CRM', table: 'DEALS' }
  return {
    connector: snowflakeConnector,
    target,
    clock,
    pass: ms => clock.advance(ms),
    traits: ['holders', 'lists', 'mints', 'hand'],
    asks: { object, actions: ['read', 'write'], columns: [] },
    asksLess: { actions: ['read'], columns: [] },
    allowed: [`SELECT * FROM ${deals}`, `INSERT INTO ${deals} VALUES (1)`],
    forbidden: `DELETE FROM ${deals}`,
    badObjects: [
      null,
      {},
      ...['', 'A\0', 'A\n', 'A\u202eB', ' A', 'A'.repeat(256), 7].map(table => ({
        ...object,
        table,
      })),
      { ...object, view: 'DEALS_SHORT' },
      { ...object, database: 'SNOWFLAKE' },
      { ...object, schema: 'INFORMATION_SCHEMA' },
    ],
    newSecret: () => [20, 90, 60].map(each => randomBytes(each).toString('base64url')).join('.'),
    signIn: (issued, secret) => signIn(issued, secret),
    port,
    openAt,
    outside: outsideOf(snowflake),
    notApplicable: {
      'a secret that its holder changed is noticed, is not renewed, and ends':
        'Snowflake makes the token, and who signed in with one may make no other',
      'a command that arrives after recovery looked makes nothing': unlocked,
      'a look waits for a creation that is under way': unlocked,
      'what was made and never confirmed is not called gone while it can live':
        'what was made is found by its name, confirmed or not',
    },
    async close() {
      await target.close()
      await snowflake.close()
      if (snowflake.breaches.length > 0) throw new Error(snowflake.breaches.join('\n'))
    },
  }
}

function outsideOf(snowflake: FakeSnowflake): KitOutside {
  const heal = async () => {
    snowflake.fault = () => undefined
    snowflake.ending = 'honest'
  }
  return {
    count: async () => snowflake.living().length,
    async has(name) {
      const there = name.toUpperCase()
      return snowflake.users.has(there) || snowflake.roles.has(there)
    },
    async drop(principal) {
      snowflake.users.delete(principal.toUpperCase())
    },
    async burden(principal) {
      const user = snowflake.users.get(principal.toUpperCase())
      const role = user?.pats[0]?.role ?? ''
      const kept = { privilege: 'OWNERSHIP', on: 'TABLE', name: 'SALES.CRM.KEPT' }
      snowflake.roles.get(role)?.push(kept)
      return async () => {
        const rest = snowflake.roles.get(role)?.filter(each => each !== kept) ?? []
        snowflake.roles.set(role, rest)
      }
    },
    async seenAs(issued, secret) {
      const session = await signIn(issued, secret)
      await session.use(`SELECT * FROM ${deals}`)
      return snowflake.seen.at(-1)?.by ?? ''
    },
    async plant(count) {
      const names = Array.from({ length: count }, (_, i) => `PLANTED_${1000 + i}`)
      for (const name of names) newUser(snowflake, name, 'PERSON')
      return async () => names.forEach(name => snowflake.users.delete(name))
    },
    async tooMuch(seconds) {
      const headers = { 'retry-after': String(seconds) }
      let turn = 0
      // Each second time it is not too much.
      snowflake.fault = () =>
        seconds === 0 && ++turn % 2 === 0 ? undefined : { status: 429, headers }
      return heal
    },
    async failAfter(verb) {
      const fault: Fault = { status: 500, isAfter: true }
      const what = verb === 'issue' ? /ADD PROGRAMMATIC ACCESS TOKEN LEASE/ : /^DROP USER/
      snowflake.fault = statement => (what.test(statement) ? fault : undefined)
      return heal
    },
    async lie() {
      snowflake.ending = 'lies'
      return heal
    },
    async lag(ms, path) {
      const on = { first: 'lists', second: 'token' } as const
      snowflake.ending = { ms, ...(path && { path: on[path] }) }
      return heal
    },
    async expireAdmin() {
      const { publicKey } = snowflake
      snowflake.publicKey = undefined
      return async () => void (snowflake.publicKey = publicKey)
    },
    async narrowAdmin() {
      snowflake.mayGive.delete('SELECT')
      return async () => void snowflake.mayGive.add('SELECT')
    },
  }
}

/** As the holder of a token has it: each use is a statement by itself. */
async function signIn(issued: Issued, secret: string): Promise<KitSession> {
  const { url, warehouse } = issued.connect
  const use = async (statement: string) => {
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'holder/1.0',
      authorization: `Bearer ${secret}`,
      'x-snowflake-authorization-token-type': 'PROGRAMMATIC_ACCESS_TOKEN',
    }
    const body = JSON.stringify({ statement, ...(warehouse && { warehouse }) })
    const answer = await fetch(`${url}/api/v2/statements`, { method: 'POST', headers, body })
    const said: unknown = await answer.json()
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`)
    return said
  }
  await use('SELECT CURRENT_USER()')
  return { use, close: async () => {} }
}
