/**
 * The thirty days before now, played at a real server by its own doors. What belongs to one moment is done at
 * once; between moments the clock is moved, and what the server does by itself is let happen.
 */
import { addMs, type Instant, toMs } from '../../src/core/base/time.ts'
import type { Company } from './act.ts'
import * as act from './act.ts'
import { type Later, playToday, storiesOf } from './happened.ts'
import type { Fate } from './names.ts'
import { at, type PlannedApp } from './plan.ts'
import { connectAll, plantUnmanaged } from './systems.ts'

interface Event {
  readonly at: Instant
  /** The app it is about; null: about more than one. */
  readonly app: string | null
  run(): Promise<unknown>
}

/** Things of one moment are at most so many, and within so long: people at work beside each other. */
const atOnce = 8
const momentMs = 100 * 60_000

/** Answers how many things happened. */
export async function playHistory(company: Company): Promise<number> {
  const { clock } = company.parts
  await begin(company)
  const events = eventsOf(company).sort((a, b) => a.at.localeCompare(b.at))
  let day = ''
  for (const moment of momentsOf(events)) {
    const [first] = moment
    if (first === undefined) break
    if (day !== '' && first.at.slice(0, 10) !== day) await night(company)
    day = first.at.slice(0, 10)
    clock.moveTo(first.at)
    await Promise.all(moment.map(each => each.run()))
  }
  await playToday(company)
  await night(company)
  return events.length
}

/** What follows from something of the same app is of a later moment. */
function momentsOf(events: readonly Event[]): Event[][] {
  const moments: Event[][] = []
  for (const event of events) {
    const last = moments.at(-1)
    if (last !== undefined && joins(last, event)) last.push(event)
    else moments.push([event])
  }
  return moments
}

function joins(moment: readonly Event[], { at: when, app }: Event): boolean {
  const [first] = moment
  if (first === undefined || moment.length === atOnce || app === null) return false
  const isNear = when.slice(0, 10) === first.at.slice(0, 10)
  const isFree = moment.every(each => each.app !== null && each.app !== app)
  return isNear && isFree && toMs(when) - toMs(first.at) < momentMs
}

/** What the server does by itself, which the machine's clock would bring in its own time. */
async function night({ parts: { running } }: Company): Promise<void> {
  await running.world.settle()
  for (const job of ['apps', 'leases', 'offboard', 'agreed']) {
    await running.world.runNow(job)
    await running.world.settle()
  }
}

async function begin(company: Company): Promise<void> {
  const { parts, people } = company
  // The first person is older than all others.
  parts.clock.moveTo(addMs(parts.clock.now(), 60_000))
  await Promise.all(['tom', 'noor', 'ruth', 'ines'].map(sub => people.as(sub)))
  const sam = await people.as('sam')
  await sam.put('/v1/people/ines@acme.example/roles', { roles: ['auditor'] })
  await sam.put('/v1/people/noor@acme.example/roles', { roles: ['security'] })
  await plantUnmanaged(company)
  await connectAll(company)
  // Everybody has signed in once: an app names people who are here.
  const rest = parts.plan.people.map(({ sub }) => sub)
  for (let i = 0; i < rest.length; i += atOnce)
    await Promise.all(rest.slice(i, i + atOnce).map(sub => people.as(sub)))
  await parts.running.world.runNow('discovery')
}

function eventsOf(company: Company): Event[] {
  const { now } = company.parts.plan
  const stories = storiesOf(company).map(([ago, minute, run]) => ({
    at: at(now, ago, minute),
    app: null,
    run,
  }))
  const lives = company.parts.plan.apps.flatMap(app => {
    const on = (ago: number, minute: number, run: () => Promise<unknown>) => ({
      at: at(now, ago, minute),
      app: app.slug,
      run,
    })
    return [
      on(app.madeAgo, app.minute, () => begins(company, app)),
      ...app.worksAgo.map((ago, i) =>
        on(ago, app.minute + 30, () => works(company, app, { number: i + 1, ago })),
      ),
      ...(ends[app.fate]?.(company, app).map(([ago, minute, run]) => on(ago, minute, run)) ?? []),
    ]
  })
  return [...lives, ...stories]
}

async function begins(company: Company, app: PlannedApp): Promise<void> {
  await act.makeApp(company, app)
  const [trust, data] = await act.askAll(company, app)
  if (trust === undefined || data === undefined) throw new Error('two things are asked')
  const who = act.dataOwners[app.resource] ?? 'tom'
  await act.answer(company, 'sam', trust)
  if (app.fate !== 'waiting') await act.answer(company, who === app.owner.sub ? 'sam' : who, data)
}

async function works(
  company: Company,
  app: PlannedApp,
  { number, ago }: { number: number; ago: number },
): Promise<void> {
  const run = await act.beginRun(company, app, number)
  if (app.triesAgo.includes(ago)) await act.beDenied(run.client.post('/v1/leases', act.beyond))
  await act.endRun(run, 20 + ((number * 37 + Number(app.repository)) % 180))
}

const ends: Partial<Record<Fate, (company: Company, app: PlannedApp) => Later[]>> = {
  ended: (company, app) => [[app.overAgo, app.minute - 60, () => act.endApp(company, app)]],
  graduated: (company, app) => [
    [app.overAgo, app.minute - 60, () => act.graduate(company, app)],
    [app.overAgo, app.minute + 60, () => takeOver(company, app)],
    // Then it works every few days, as any other does.
    ...Array.from({ length: Math.ceil(app.overAgo / 4) }, (_, i): Later => {
      const run = () => works(company, successorOf(app), { number: i + 2, ago: 0 })
      return [app.overAgo - 1 - i * 4, app.minute + 60, run]
    }).filter(([ago]) => ago > 0),
  ],
}

/** The new team says who speaks for the service; it works, and the prototype ends by itself. */
async function takeOver(company: Company, app: PlannedApp): Promise<void> {
  const { slug, repository } = successorOf(app)
  const owner = await company.people.as(app.backup.sub)
  await owner.put(`/v1/apps/${slug}/manifest`, { yaml: act.manifestOf(slug, app.resource) })
  const trust = await act.askTrust(company, slug, app.backup.sub, repository)
  await act.answer(company, 'sam', trust)
  const run = await act.beginRun(company, successorOf(app), 1)
  await act.endRun(run, 40)
}

/** Who had the other's backup has it now, and its workflow lives in a repository of its own. */
export function successorOf(app: PlannedApp): PlannedApp {
  const repository = String(Number(app.repository) + 500)
  return { ...app, slug: `${app.slug}-service`, repository, owner: app.backup, backup: app.owner }
}
