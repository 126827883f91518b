/**
 * A lease against the same steps by hand, on a real PostgreSQL with fsync on as the target.
 *
 *   ours   the server as `serve` composes it, its own store another PostgreSQL with fsync on. One cycle:
 *          decide, `issueLease` (intent committed, rights looked at, role made behind a fence, the
 *          credential tried, confirmation committed), decide, `endLease` (end committed, sign-in taken,
 *          sessions ended, role dropped, two looks at the lists, the credential refused where a probe
 *          is let in, outcome committed). Five entries in the log, sequenced and followed; a round is
 *          over when they are
 *   peer   one connection of the connector's own role, the same SQL work without any of that: create
 *          the role with a verifier computed here and the membership in one transaction; then
 *          nologin, end sessions, drop, look into the catalog, try to sign in and be refused
 *   tried  the peer with one accepted login after the creation, as a careful hand would do
 *
 * The ratio is against `peer`. One cycle at a time on both sides: it is the time a caller waits.
 */

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { postgresConnector } from '../connectors/postgres/postgres.ts'
import { scramVerifier } from '../connectors/postgres/scram.ts'
import { makeCrm } from '../demo/crm.ts'
import { newId } from '../src/core/base/ids.ts'
import type { Json } from '../src/core/base/json.ts'
import { issueLease } from '../src/core/lease/issue.ts'
import { endLease } from '../src/core/lease/term.ts'
import { decideLease } from '../src/core/policy/decide.ts'
import { type RunningPostgres, startPostgres } from '../test/fakes/postgres.ts'
import { type AtWork, startAtWork } from './furnish.ts'
import {
  compareCosts,
  measureAll,
  ownCpuMicros,
  type Rounds,
  type Side,
  treeCpuMicros,
} from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const cyclesPerRound = 8
const rounds = 25

export async function benchLeaseCycle(progress: (text: string) => void): Promise<Row> {
  const [target, state] = [await startPostgres(), await startPostgres()]
  try {
    const place = await placeAt(target)
    const cpuMicros = () => ownCpuMicros() + treeCpuMicros(target.pid) + treeCpuMicros(state.pid)
    const how = { rounds, warmUps: 3, progress, cpuMicros }
    const costs = await measureCycles(place, how, state.url())
    progress('and on the embedded store')
    const embedded = await measureCycles(place, how)
    const compared = compareCosts(costs.ours, costs.peer)
    const inMs = (micros: number) => round3(micros / 1000)
    return {
      name: 'lease-cycle',
      ours: inMs(compared.ours.wall),
      peer: inMs(compared.peer.wall),
      unit: 'ms for one cycle',
      ratio: compared.wall.ratio,
      rounds,
      spread: compared.wall.spread,
      extra: {
        cyclesPerRound,
        cpuMs: { ours: inMs(compared.ours.cpu), peer: inMs(compared.peer.cpu) },
        cpuRatio: ratioText(compared.cpu),
        ends: compared.wall.ends,
        withAcceptedLogin: ratioText(compareCosts(costs.ours, costs.tried).wall),
        embeddedStore: {
          ours: inMs(compareCosts(embedded.ours, embedded.peer).ours.wall),
          ratio: ratioText(compareCosts(embedded.ours, embedded.peer).wall),
        },
        ...machine(),
      },
    }
  } finally {
    await Promise.all([target.stop(), state.stop()])
  }
}

async function measureCycles(
  place: Awaited<ReturnType<typeof placeAt>>,
  how: Rounds & { cpuMicros: () => number },
  databaseUrl?: string,
) {
  const work = await startAtWork(place, databaseUrl)
  const hand = await openHand(place)
  try {
    // The first lease of a grant makes the role of its rights, which the hand uses too.
    await byLease(work)
    const { holder } = work.grant
    const sideOf = (cycle: () => Promise<void>, settle = async () => {}): Side => ({
      cpuMicros: how.cpuMicros,
      async run() {
        for (let n = 0; n < cyclesPerRound; n++) await cycle()
        await settle()
        return cyclesPerRound
      },
    })
    const sides = {
      ours: sideOf(
        () => byLease(work),
        () => work.running.world.settle(),
      ),
      peer: sideOf(() => byHand(hand, holder, false)),
      tried: sideOf(() => byHand(hand, holder, true)),
    }
    return await measureAll(sides, how)
  } finally {
    await hand.sql.end()
    await work.stop()
  }
}

const columns = ['id', 'title', 'stage']

export async function placeAt(server: RunningPostgres) {
  const { host, port, database, user, password, probe } = await makeCrm(server)
  const config: Json = { host, port, database, user, password, probe: { ...probe } }
  const object = { database, schema: 'public', table: 'deals' }
  return {
    connector: postgresConnector,
    config,
    object,
    columns,
    host,
    port,
    database,
    user,
    password,
  }
}

/** As the API does it, with the decisions, and without HTTP. */
export async function byLease({
  running: { world },
  ...made
}: Omit<AtWork, 'stop'>): Promise<void> {
  const id = newId('lease')
  const work = { taskId: made.task.id, resourceId: made.resource.id, actions: ['read'] as const }
  const decision = decideLease(world, 'lease.issue', {
    ...work,
    identityId: made.identity.id,
    leaseId: id,
  })
  if (!decision.allowed) throw new Error(`not issued: ${decision.denial.says}`)
  const { grantId, endsAt, termSeconds } = decision
  if (grantId === null) throw new Error('issued under no grant')
  await issueLease(world, decision.permit, { id, ...work, grantId, endsAt, termSeconds })
  const ending = world.decide({
    actor: { kind: 'identity', id: made.identity.id, taskId: made.task.id },
    action: 'lease.end',
    about: { type: 'lease', id },
  })
  if (!ending.allowed) throw new Error(`not ended: ${ending.denial.says}`)
  const gone = await endLease(world, ending.permit, { leaseId: id, cause: 'released' })
  const { outcome, state, evidence } = gone
  if (outcome !== 'verified-gone')
    throw new Error(`it is ${outcome ?? state}: ${evidence?.because ?? 'not looked at yet'}`)
}

interface Hand {
  readonly sql: pg.Client
  readonly address: { host: string; port: number; database: string }
}

async function openHand(place: Awaited<ReturnType<typeof placeAt>>): Promise<Hand> {
  const { host, port, database, user, password } = place
  const address = { host, port, database }
  const sql = new pg.Client({ ...address, user, password })
  await sql.connect()
  return {
    sql,
    address,
  }
}

async function byHand({ sql, address }: Hand, holder: string, isTried: boolean): Promise<void> {
  const user = `hand_${randomBytes(12).toString('hex')}`
  const password = randomBytes(32).toString('base64url')
  const until = new Date(Date.now() + 900_000).toISOString()
  await sql.query(`begin;
    create role ${user} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls inherit
      connection limit 20 password '${await scramVerifier(password)}' valid until '${until}';
    grant ${holder} to ${user} with inherit true, set false;
    commit`)
  if (isTried && !(await signIn(address, user, password))) throw new Error('it was not let in')
  await sql.query(`alter role ${user} nologin password null`)
  await sql.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
    user,
  ])
  await sql.query(`drop role ${user}`)
  const { rows } = await sql.query<{ left: number }>(
    `select (select count(*) from pg_roles where rolname = $1)::int
       + (select count(*) from pg_stat_activity where usename = $1)::int as left`,
    [user],
  )
  if (rows[0]?.left !== 0) throw new Error('it is still there')
  if (await signIn(address, user, password)) throw new Error('it was let in')
}

/** Whether the server lets it in; any other trouble is thrown. */
async function signIn(address: Hand['address'], user: string, password: string): Promise<boolean> {
  const client = new pg.Client({ ...address, user, password })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return true
  } catch (thrown) {
    if ((thrown as { code?: string }).code === '28P01') return false
    throw thrown
  }
}
