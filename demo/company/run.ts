/**
 * `npm run demo -- company`: a company of 84 people and 47 apps, made by playing thirty days at a real server,
 * which then stays up and goes on working. `--once --json`: made, counted, verified without the server, over.
 */
import { writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { runCli } from '../../cli/src/run-cli.ts'
import { fromMs, type Instant, parseInstant } from '../../src/core/base/time.ts'
import { openStore } from '../../src/core/store/open.ts'
import type { InstallationView } from '../../src/doors/api/contract.ts'
import { checkLog } from '../../src/life/audit/fsck.ts'
import type { Progress } from '../parts.ts'
import { teller } from '../tell.ts'
import type { Company } from './act.ts'
import { startCompanyClock } from './clock.ts'
import { amiss, countCompany, countDecisions } from './count.ts'
import { playHistory } from './history.ts'
import { banner, startCompany } from './parts.ts'
import { openPeople } from './people.ts'
import { at, historyDays, type Plan, planCompany } from './plan.ts'
import { stayUp } from './stay.ts'

const ownPort = '4500'

export interface Asked {
  readonly isOnce: boolean
  readonly isJson: boolean
  readonly seed: string | undefined
  readonly now: string | undefined
}

/** Answers the exit code. */
export async function runCompany(asked: Asked): Promise<number> {
  const out = teller(asked.isJson ? process.stderr : process.stdout)
  const said = parseAsked(asked)
  if (said === undefined) {
    process.stderr.write(
      '  ✕ --seed is a whole number, --now an instant: --seed 7 --now 2026-11-20T14:06Z\n',
    )
    return 2
  }
  out.line(`\n  ${banner}\n`)
  const port = asked.isOnce ? 0 : Number(process.env['LEASEHOLD_PORT'] ?? ownPort)
  const made = await makeCompany({ ...said, port, isKept: !asked.isOnce }, out.part)
  try {
    if (asked.isOnce) return await tellOnce(made, asked.isJson)
    await stayUp(made.company, out, made.seconds.whole)
    return 0
  } finally {
    await made.company.parts.stop()
  }
}

/** Undefined for what is no seed or no instant. Without one it is 7, and now. */
export function parseAsked(asked: Pick<Asked, 'seed' | 'now'>) {
  const { seed: text = '7' } = asked
  const now = asked.now === undefined ? null : parseInstant(asked.now)
  const isSeed = /^\d{1,10}$/.test(text)
  return isSeed && (asked.now === undefined || now !== null)
    ? { seed: Number(text), now }
    : undefined
}

export interface Wanted {
  readonly seed: number
  /** Null: the machine's, and from then on with it. */
  readonly now: Instant | null
  readonly port: number
  readonly isKept: boolean
  /** Less of it, where a test has not the time for all. */
  readonly trim?: (plan: Plan) => Plan
}

/** All of it, from nothing, until it is now there. */
export async function makeCompany(wanted: Wanted, progress: Progress) {
  const { seed, now: named, trim = plan => plan, ...start } = wanted
  const started = performance.now()
  const now = named ?? fromMs(Date.now())
  const clock = startCompanyClock(at(now, historyDays, 7 * 60))
  const plan = trim(planCompany(seed, now))
  const parts = await startCompany({ plan, clock, ...start }, progress)
  try {
    const company: Company = { parts, people: openPeople(parts), left: new Set() }
    const from = performance.now()
    const happened = await playHistory(company)
    const history = secondsSince(from)
    progress(`${historyDays} days of ${plan.people.length + 1} people`, history)
    clock.run({ isMachines: named === null })
    return { company, happened, seconds: { history, whole: secondsSince(started) } }
  } catch (thrown) {
    await parts.stop()
    throw thrown
  }
}

type Made = Awaited<ReturnType<typeof makeCompany>>

const secondsSince = (from: number) => Number(((performance.now() - from) / 1000).toFixed(1))

async function tellOnce({ company, happened, seconds }: Made, isJson: boolean): Promise<number> {
  const { parts } = company
  const { counts, listed } = await countCompany(company)
  const decisions = await countDecisions(company)
  const certificate = await verifyOne(company)
  const log = await verifyStopped(company)
  const wrong = [...amiss(counts), ...certificate.wrong, ...log.wrong]
  const result = {
    schema: 'leasehold/v1',
    seed: parts.plan.seed,
    now: parts.plan.now,
    happened,
    counts,
    apps: listed,
    decisions,
    certificate: { app: certificate.app, verified: certificate.wrong.length === 0 },
    log: { entries: log.entries, verified: log.wrong.length === 0 },
    wrong,
    seconds,
  }
  if (isJson) process.stdout.write(`${JSON.stringify(result)}\n`)
  else process.stdout.write(`${JSON.stringify(counts, null, 2)}\n`)
  for (const each of wrong) process.stderr.write(`  ✕ ${each}\n`)
  return wrong.length === 0 ? 0 : 1
}

/** A certificate as anybody gets it, by our command line, which asks no server; and changed by one letter. */
export async function verifyOne({ parts, people }: Company) {
  const app = parts.plan.apps.find(({ fate }) => fate === 'ended')?.slug ?? ''
  const sam = await people.as('sam')
  const text = await sam.text(`/v1/apps/${app}/certificate`)
  const { rootFingerprint } = await sam.get<InstallationView>('/v1/installation')
  const codes: number[] = []
  for (const each of [text, text.replace(/"payload": ?"(..)./, '"payload":"$1A')]) {
    const path = parts.file('one.end.json')
    await writeFile(path, each)
    codes.push(await runHere(['verify', path, '--root', rootFingerprint], dirname(path)))
  }
  const [isTrue, isChanged] = codes
  return {
    app,
    wrong: [
      ...(isTrue === 0 ? [] : [`the certificate of ${app} is not proven`]),
      ...(isChanged === 0 ? [`a changed certificate of ${app} is taken`] : []),
    ],
  }
}

function runHere(argv: readonly string[], home: string): Promise<number> {
  return runCli({
    argv,
    env: { HOME: home, NO_COLOR: '1' },
    cwd: home,
    stdin: Object.assign(Readable.from(['']), { isTTY: false }),
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    now: Date.now,
    sleep: async () => {},
    umask: 0o022,
  })
}

/** The server is stopped: from its database alone, each entry, the tree, and what the tables should be. */
export async function verifyStopped({ parts }: Company) {
  const vkeys = parts.running.world.logVkeys()
  await parts.stopServer()
  const store = await openStore({ url: parts.own.url('postgres') })
  try {
    const { size, faults } = await checkLog(store, vkeys)
    return { entries: size, wrong: faults.map(fault => `the log: ${JSON.stringify(fault)}`) }
  } finally {
    await store.close()
  }
}
