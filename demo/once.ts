/**
 * `npm run demo -- --once --json`: the story in folders that are thrown away, and what came of it as one JSON
 * object. `npm run demo -- everywhere --once --json`: another one, of an app with access in nine systems;
 * `graduate`: of one that stays; `ship`: of one that CI deploys, beside no laptop; `day --teams 39`: a build day of so many teams, opened and closed. `company`:
 * a whole company, which without `--once` stays up.
 */
import { parseArgs } from 'node:util'
import { isProblem } from '../src/core/base/problem.ts'
import { leapingClock } from '../test/support/clock.ts'
import { startPretendSystems } from '../test/support/pretend-systems.ts'
import { peopleOf, playDay } from './day.ts'
import { type Everywhere, playEverywhere } from './everywhere.ts'
import { type Graduated, playGraduation } from './graduate.ts'
import { type Parts, startParts } from './parts.ts'
import { playShipping, prepareRunner } from './ship.ts'
import { playStory, type Told } from './story.ts'
import { type Teller, teller } from './tell.ts'

/** The machine's, which leaps where a story says that time goes by. */
const clock = leapingClock()
const stories: Readonly<Record<string, (parts: Parts, out: Teller) => Promise<object>>> = {
  life: async (parts, out) => resultOf(await playStory(parts, out.tell)),
  everywhere: playAtSystems,
  graduate: async (parts, out) => graduatedOf(await playGraduation(parts, out.tell)),
  ship: playDeployed,
  day: playTeams,
}

const { values, positionals } = parseArgs({
  options: {
    once: { type: 'boolean' },
    json: { type: 'boolean' },
    teams: { type: 'string' },
    seed: { type: 'string' },
    now: { type: 'string' },
  },
  allowPositionals: true,
})
const [name = 'life', ...more] = positionals
if (name === 'company' && more.length === 0) {
  const { runCompany } = await import('./company/run.ts')
  const { once: isOnce = false, json: isJson = false, seed, now } = values
  const asked = { isOnce, isJson, seed, now }
  process.exit(
    await runCompany(asked).catch((thrown: unknown) => {
      if (!isProblem(thrown)) throw thrown
      process.stderr.write(`  ✕ ${thrown.detail}\n    ${thrown.next ?? ''}\n`)
      return 1
    }),
  )
}
const play = Object.hasOwn(stories, name) && more.length === 0 ? stories[name] : undefined
if (play === undefined) {
  process.stderr.write(
    `  ✕ There is no such story. There are: ${Object.keys(stories).join(', ')}, company\n`,
  )
  process.exit(2)
}
const teams = name === 'day' ? Number(values.teams ?? '39') : 0
if (!Number.isInteger(teams) || teams > 400 || (name === 'day' && teams < 1)) {
  process.stderr.write('  ✕ --teams is a whole number from 1 to 400.\n')
  process.exit(2)
}
const out = teller(values.json === true ? process.stderr : process.stdout)
const people = peopleOf(teams)
const runner = name === 'ship' ? await prepareRunner() : undefined
const env = runner === undefined ? {} : { LEASEHOLD_RUNNER: runner.setting }
const parts = await startParts({ kept: false, port: 0, clock, people, env }, out.part)
try {
  const result = await play(parts, out)
  if (values.json === true) process.stdout.write(`${JSON.stringify(result)}\n`)
} finally {
  await runner?.stop()
  await parts.stop()
}

function resultOf(told: Told) {
  const { app, lease, denied, trace, certificate, log, replay, orphans, seconds } = told
  return {
    schema: 'leasehold/v1',
    app,
    lease: {
      id: lease.id,
      shortId: lease.shortId,
      principal: lease.principal,
      state: lease.state,
      outcome: lease.outcome,
    },
    denied: { rule: denied.rule, because: denied.because },
    trace: trace.hops.map(({ hop, name, state, by, entry }) => ({ hop, name, state, by, entry })),
    certificate,
    ledger: { entries: log.entries, root: log.root, verified: log.verified },
    replay: {
      decisions: replay.decisions,
      identical: replay.identical,
      changed: replay.changed.length,
    },
    orphans,
    seconds: Number(seconds.toFixed(2)),
  }
}

async function playAtSystems(parts: Parts, out: Teller): Promise<object> {
  const systems = await startPretendSystems(clock)
  try {
    return everywhereOf(await playEverywhere(parts, systems, out.tell))
  } finally {
    await systems.close()
  }
}

async function playTeams(parts: Parts, out: Teller): Promise<object> {
  const systems = await startPretendSystems(clock)
  try {
    const told = await playDay({ parts, systems, teams }, out.tell)
    if (told.residue > 0 || !told.lying.closedWhenHonest) process.exitCode = 1
    return { schema: 'leasehold/v1', ...told }
  } finally {
    await systems.close()
  }
}

function everywhereOf(told: Everywhere) {
  const { app, leases, offboarding, notion, path, log, orphans, seconds } = told
  return {
    schema: 'leasehold/v1',
    app,
    leases,
    items: offboarding.items.map(({ order: _, id: __, at: ___, ...item }) => item),
    systems: offboarding.systems,
    notion,
    certificate: { state: offboarding.state, path },
    ledger: { entries: log.entries, root: log.root, verified: log.verified },
    orphans,
    seconds: Number(seconds.toFixed(2)),
  }
}

/** What does not hold fails the run: an app that goes on while its first access ends is all of the story. */
function graduatedOf(told: Graduated) {
  const { end, seen, path, overlapSeconds, orphans, successor, log, seconds, holds } = told
  if (!holds) process.exitCode = 1
  return {
    schema: 'leasehold/v1',
    app: end.app,
    requests: seen.requests,
    failedRequests: seen.failed,
    perSecond: Number(seen.perSecond.toFixed(1)),
    overlapSeconds: Number(overlapSeconds.toFixed(2)),
    items: end.items.map(({ order: _, id: __, at: ___, ...item }) => item),
    certificate: { state: end.state, path },
    successor: { slug: successor.slug, stage: successor.stage, owner: successor.owner.name },
    ledger: { entries: log.entries, root: log.root, verified: log.verified },
    orphans,
    seconds: Number(seconds.toFixed(2)),
  }
}

/** What does not hold fails the run. */
async function playDeployed(parts: Parts, out: Teller): Promise<object> {
  if (runner === undefined) throw new Error('there is a runner')
  const { holds, ...told } = await playShipping(parts, runner, out.tell)
  if (!holds) process.exitCode = 1
  return { schema: 'leasehold/v1', ...told }
}
