/** A hundred apps with what they have at ten targets, and what is to be seen of their end: see offboard.ts. */
import pg from 'pg'
import type { AppRow } from '../src/core/app/rows.ts'
import { appTable } from '../src/core/app/rows.ts'
import { requestTable } from '../src/core/approval/rows.ts'
import { systemId } from '../src/core/base/ids.ts'
import type { Instant } from '../src/core/base/time.ts'
import { grantTable, manifestTable, type ResourceRow } from '../src/core/grant/rows.ts'
import { identityTable } from '../src/core/identity/rows.ts'
import { entryKind } from '../src/core/ledger/kind.ts'
import { recorded } from '../src/core/ledger/record.ts'
import type { Store } from '../src/core/store/store.ts'
import type { Target } from '../src/core/target/target.ts'
import { taskTable } from '../src/core/task/rows.ts'
import type { Running } from '../src/main.ts'
import { type RecordingTarget, recordingTarget } from '../test/fakes/recording-target.ts'
import { addDueLeases, placeOf } from './due-leases.ts'
import {
  type AtWork,
  appOf,
  grantOf,
  identityOf,
  insertPlace,
  peopleOf,
  placeRowsOf,
  workOf,
} from './furnish.ts'

const placed = entryKind('bench.place', 'connected the targets of a bench')
const madeApp = entryKind('bench.app', 'made one of many apps for a bench')

const working = 9
const [shortestMs, longestMs] = [20, 200]
const leasesOfApp = 10
/** Each fifth app has half of its leases where nothing answers. */
const hangingEvery = 5
const endMs = 60_000

export interface Station {
  readonly slug: string
  readonly recording: RecordingTarget
  readonly latencyMs: number
  readonly hangs: boolean
}

/** One app's work at one target. */
interface Work extends Omit<AtWork, 'stop'> {
  readonly station: Station
  readonly leases: number
}

export function openStations(): Station[] {
  const step = (longestMs - shortestMs) / (working - 1)
  return Array.from({ length: working + 1 }, (_, nth) => ({
    slug: `bench-${nth}`,
    recording: recordingTarget(`bench-${nth}`),
    latencyMs: nth < working ? Math.round(shortestMs + nth * step) : shortestMs,
    hangs: nth === working,
  }))
}

/** Answers what each app has where. */
export async function addApps(
  running: Running,
  stations: readonly Station[],
  options: { apps: number; endsAt: Instant; databaseUrl: string },
): Promise<Work[][]> {
  const { world } = running
  const people = peopleOf(world)
  const whose = { ownerId: people[0], madeAt: world.clock.now(), endsAt: options.endsAt }
  const rows = stations.map(({ slug, recording }) => {
    const place = placeOf(recording.connector)
    return { place, ...placeRowsOf(whose, place, slug) }
  })
  await recorded(world, async scope => {
    for (const each of rows) await insertPlace(world, scope, each, each.place)
    scope.entry({ kind: placed, by: systemId('genesis') })
  })
  const resources = rows.map(({ resource }) => resource)
  const owner = new pg.Client({ connectionString: options.databaseUrl })
  await owner.connect()
  try {
    const all: Work[][] = []
    for (let nth = 0; nth < options.apps; nth++) {
      const slug = `bench-app-${nth}`
      const app = appOf(people, world.clock.now(), { slug, endsAt: options.endsAt })
      const works = await addApp(running, app, sharesOf(nth, stations, resources))
      for (const { station, leases, ...work } of works) {
        const due = { count: leases, at: options.endsAt }
        station.recording.holders.add(work.grant.holder)
        await addDueLeases({ ...work, stop }, { owner, recording: station.recording }, due)
      }
      all.push(works)
    }
    await world.settle()
    await owner.query('vacuum analyze')
    return all
  } finally {
    await owner.end()
  }
}

const stop = async () => {}

type Share = Pick<Work, 'station' | 'leases' | 'resource'>

/** Ten leases, begun at another target by each app, so that all targets have as many. */
function sharesOf(
  nth: number,
  stations: readonly Station[],
  resources: readonly ResourceRow[],
): Share[] {
  const isHanging = nth % hangingEvery === 0
  const there = isHanging ? leasesOfApp / 2 : 0
  const counts = stations.map(({ hangs }) => (hangs ? there : 0))
  for (let i = 0; i < leasesOfApp - there; i++) {
    const at = (nth + i) % working
    counts[at] = (counts[at] ?? 0) + 1
  }
  return stations.flatMap((station, i) => {
    const [resource, leases = 0] = [resources[i], counts[i]]
    return resource === undefined || leases === 0 ? [] : [{ station, leases, resource }]
  })
}

async function addApp(running: Running, app: AppRow, shares: readonly Share[]): Promise<Work[]> {
  const identity = identityOf(app)
  const resources = shares.map(({ resource }) => resource)
  const { manifest, task } = workOf(app, identity, resources)
  const granted = shares.map(share => ({ ...share, ...grantOf(app, share.resource) }))
  await recorded(running.world, async scope => {
    await scope.insert(appTable, app)
    await scope.insert(identityTable, identity)
    for (const { request, grant } of granted) {
      await scope.insert(requestTable, request)
      await scope.insert(grantTable, grant)
    }
    await scope.insert(manifestTable, manifest)
    await scope.insert(taskTable, task)
    scope.entry({ kind: madeApp, by: systemId('genesis') })
  })
  return granted.map(({ request: _, ...share }) => ({ ...share, running, app, identity, task }))
}

/** Seconds of a script that ends one app, one call after the other, at the targets that answer. */
export async function endByHand(app: readonly Work[]): Promise<number> {
  const startedMs = performance.now()
  for (const { station, running, grant } of app) {
    if (station.hangs) continue
    // At a copy: what it ends is still there for ours.
    const copy = copyOf(station)
    const target = copy.connector.open({}, running.world.clock)
    for (const { name, holder } of station.recording.principals.values())
      if (holder === grant.holder) await endOne(target, name, holder)
    await target.removeHolder(grant.holder, soon())
    const { listed } = await target.verifyHolderGone(grant.holder, soon())
    if (listed !== 'absent') throw new Error('the script left a holder')
  }
  return (performance.now() - startedMs) / 1000
}

async function endOne(target: Target, principal: string, holder: string): Promise<void> {
  const order = { principal, holder, owner: 'lho_x', object: {}, secret: null, deadline }
  await target.end(order, soon())
  const { listed } = await target.verifyGone({ ...order, acceptedPath: null }, soon())
  if (listed !== 'absent') throw new Error('the script left a credential')
}

const deadline = '2026-01-01T00:00:00.000Z' as Instant
const soon = () => AbortSignal.timeout(endMs)

function copyOf({ recording, latencyMs }: Station): RecordingTarget {
  const copy = recordingTarget()
  for (const [name, principal] of recording.principals) copy.principals.set(name, { ...principal })
  for (const holder of recording.holders) copy.holders.add(holder)
  copy.latencyMs = latencyMs
  return copy
}

export type Seen = Awaited<ReturnType<typeof lookAround>>

/**
 * What the targets still have (the oracle), and what we say of it. `clear` are the apps with nothing
 * at the target that hangs, `certified` those of them that are ended with a green certificate.
 */
export async function lookAround(store: Store, stations: readonly Station[]) {
  const there = stations.flatMap(({ hangs, recording: { principals, holders } }) =>
    hangs ? [] : [principals.size + holders.size],
  )
  const [row] = await store.query<Record<'clear' | Counted, number>>(
    `with at_hanging as (
       select lease.id, app_id, lease.state, outcome from lease join target on target.id = target_id
       where target.slug = $1),
     stuck as (select distinct app_id from at_hanging)
     select
       (select count(*)::int from app where id not in (select app_id from stuck)) as clear,
       (select count(*)::int from lease where outcome is distinct from 'verified-gone'
          and id not in (select id from at_hanging)) as unproven,
       (select count(*)::int from offboarding join app on app.id = app_id
          join offboarding_work on offboarding_id = offboarding.id
        where offboarding.state = 'verified-gone' and app.state = 'ended'
          and certificate is not null and app_id not in (select app_id from stuck)) as certified,
       (select count(*)::int from at_hanging where state <> 'gone') as hanging,
       (select count(*)::int from at_hanging where outcome is not null)
         + (select count(*)::int from offboarding
            where state = 'verified-gone' and app_id in (select app_id from stuck))
         as "hangingGreen"`,
    [stations.find(({ hangs }) => hangs)?.slug],
  )
  if (row === undefined) throw new Error('a count has a row')
  const { unproven, ...counts } = row
  return { ...counts, elsewhere: unproven + there.reduce((sum, each) => sum + each, 0) }
}

type Counted = 'unproven' | 'certified' | 'hanging' | 'hangingGreen'
