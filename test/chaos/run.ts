/**
 * The crash test: `npm run -s chaos -- --kills N --seed S --store embedded|postgres --json`. Several
 * writers take, renew and release leases while server and target are killed with -9 at random moments;
 * then all is quiet, and the target's own list is compared with what we say.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { limits } from '../../src/core/base/limits.ts'
import type { LeaseView } from '../../src/doors/api/contract.ts'
import { judge } from './judge.ts'
import { makeRig, type Rig, type StoreKind } from './rig.ts'
import { type Acked, type Tally, write } from './writer.ts'

const writers = 6
const effectsPerKill = 5
const quietMs = 120_000

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    store: { type: 'string', default: 'embedded' },
    json: { type: 'boolean', default: false },
  },
})
const kills = Number(values.kills)
const seed = Number(values.seed)
const stores: StoreKind[] =
  values.store === 'both'
    ? ['embedded', 'postgres']
    : [values.store === 'postgres' ? 'postgres' : 'embedded']
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(seed))
  throw new Error('--kills and --seed are whole numbers')

for (const store of stores) {
  const result = await runChaos(store)
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${describe(result)}\n`)
  if (result.orphans + result.ghosts + result.doubleIssues + result.missingEntries > 0)
    process.exitCode = 1
}

async function runChaos(store: StoreKind) {
  const started = performance.now()
  const random = randomOf(seed)
  const rig = await makeRig(store)
  const acked: Acked = { issued: new Map(), renewed: [], ended: new Set() }
  const tally: Tally = { acked: 0, inFlight: 0, inFlightAtKill: 0, refused: new Map() }
  let isOver = false
  const work = Array.from({ length: writers }, (_, name) =>
    write(rig, { name, random: randomOf(seed + 1 + name), isOver: () => isOver, acked, tally }),
  )
  try {
    const killed = { server: 0, target: 0 }
    for (let nth = 0; nth < kills; nth++) {
      await untilBusy(tally, random)
      tally.inFlightAtKill += tally.inFlight
      const what = random() < 0.7 ? 'server' : 'target'
      killed[what]++
      if (process.env.LEASEHOLD_CHAOS_LOG !== undefined) process.stderr.write(`kill ${what}\n`)
      if (what === 'server') await rig.killServer()
      else await rig.killTarget()
      if (nth % 10 === 9)
        process.stderr.write(`  ${store}: ${nth + 1} of ${kills} kills, ${tally.acked} effects\n`)
    }
    isOver = true
    await Promise.all(work)
    await quiesce(rig)
    await rig.stopServer()
    const verdict = await judge(rig, acked)
    return {
      store,
      seed,
      kills,
      killed,
      ...verdict,
      acked: tally.acked,
      inFlightAtKill: tally.inFlightAtKill,
      refused: Object.fromEntries(tally.refused),
      seconds: Math.round((performance.now() - started) / 1000),
    }
  } finally {
    isOver = true
    await rig.stop()
  }
}

/** A kill meets work under way: some acknowledged effects since the last one, then a random moment. */
async function untilBusy(tally: Tally, random: () => number): Promise<void> {
  const from = tally.acked
  const deadline = performance.now() + 60_000
  while (tally.acked - from < effectsPerKill) {
    if (performance.now() > deadline)
      throw new Error(
        `no effect was acknowledged for a minute: ${JSON.stringify(Object.fromEntries(tally.refused))}`,
      )
    await wait(5)
  }
  await wait(random() * 250)
}

/**
 * Until nothing is under way: only live leases that nobody gave back, and nothing that is ending. What a
 * killed sweep had taken is nobody's for as long as it held it: ended there perhaps, and live here.
 */
async function quiesce(rig: Rig): Promise<void> {
  await wait(limits.sweepHoldMs)
  const deadline = performance.now() + quietMs
  for (;;) {
    const { items } = await rig.sam().get<{ items: LeaseView[] }>('/v1/leases?open=true')
    if (items.every(lease => lease.state === 'live')) return
    if (performance.now() > deadline)
      throw new Error(`still on their way after ${quietMs / 1000} s:\n${waitingText(items)}`)
    await wait(500)
  }
}

/** What is not settled, and why as far as the lease says; the rest is a number. */
function waitingText(items: readonly LeaseView[]): string {
  const waiting = items.filter(lease => lease.state !== 'live')
  const few = waiting.slice(0, 5).map(lease => JSON.stringify(lease))
  return `${few.join('\n')}\n${waiting.length} of ${items.length} open leases`
}

/** A small generator with a seed (mulberry32), so that a failure can be played again. */
function randomOf(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function describe(result: Awaited<ReturnType<typeof runChaos>>): string {
  return `${result.store}: ${result.kills} kills, ${result.acked} effects, ${result.inFlightAtKill} in flight; orphans ${result.orphans}, ghosts ${result.ghosts}, double ${result.doubleIssues}, missing ${result.missingEntries} (${result.seconds} s, seed ${result.seed})`
}
