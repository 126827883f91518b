/**
 * The timeline of leases: SVG without a library, a row for each app. What is said of a bar is its name; what
 * can not be drawn legibly is in the table twin.
 */
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type * as api from '../api.ts'
import { clock, moment } from '../time.ts'
import { many, sayState } from '../words.ts'
import { stateOf } from './leases.tsx'

export const ranges = [
  { name: '15 min', ms: 900_000, steps: 5 },
  { name: '1 h', ms: 3_600_000, steps: 6 },
  { name: 'Day', ms: 86_400_000, steps: 6 },
  { name: 'Week', ms: 7 * 86_400_000, steps: 7 },
] as const

export type RangeName = (typeof ranges)[number]['name']

/** A quarter of what is seen is still to come. */
const ahead = 0.25
const rowHeight = 28
/** Beyond so many bars a name says how many; which they are, is in the table. */
const namedBars = 200
const least = 0.6

const legend = [
  ['live', 'alive'],
  ['rest', 'until its term ends'],
  ['held', 'being made, held or ended'],
  ['gone', 'verified gone'],
  ['bad', 'not proven gone'],
] as const

/** As exact as it can be drawn: within a thousandth of what is seen nothing has moved. */
export function drawnAt(now: number, range: RangeName): number {
  const { ms } = ranges.find(({ name }) => name === range) ?? ranges[0]
  return now - (now % Math.max(1_000, ms / 1_000))
}

/** The shortest range that holds all that may be alive. */
export function rangeFor(leases: readonly api.LeaseView[], now: number): RangeName {
  const alive = leases.filter(({ state }) => state !== 'gone')
  const oldest = Math.min(now, ...alive.map(({ madeAt }) => Date.parse(madeAt)))
  return ranges.find(({ ms }) => now - oldest < ms * (1 - ahead))?.name ?? 'Week'
}

interface Scale {
  readonly from: number
  readonly to: number
  readonly now: number
}

/** Drawn again when a lease or what is drawn of the time is another, not each second. */
export const Timeline = memo(function Timeline({
  leases,
  range,
  now,
}: {
  leases: readonly api.LeaseView[]
  range: RangeName
  now: number
}) {
  const { ms, steps } = ranges.find(({ name }) => name === range) ?? ranges[0]
  const scale: Scale = { from: now - ms * (1 - ahead), to: now + ms * ahead, now }
  const seen = leases.filter(lease => endOf(lease, now) >= scale.from)
  const byApp = Map.groupBy(seen, ({ app }) => app)
  const apps = [...byApp.keys()].sort()
  if (apps.length === 0)
    return <p className="empty">No lease in this range. Widen it, or show the table.</p>
  return (
    <div className="timeline">
      <Axis scale={scale} steps={steps} isLong={ms > 86_400_000} />
      <ul>
        {apps.map(app => {
          const own = byApp.get(app) ?? []
          return (
            <li key={app}>
              <Link to="/apps/$app" params={{ app }}>
                {app}
              </Link>
              <Row app={app} leases={own} scale={scale} />
            </li>
          )
        })}
      </ul>
      <p className="muted legend">
        {legend.map(([tone, says]) => (
          <span key={tone}>
            <span className={`key ${tone}`} /> {says}
          </span>
        ))}
      </p>
    </div>
  )
})

function Axis({ scale, steps, isLong }: { scale: Scale; steps: number; isLong: boolean }) {
  const marks = Array.from(
    { length: steps },
    (_, i) => scale.from + ((i + 0.5) / steps) * (scale.to - scale.from),
  )
  return (
    <div className="axis muted" aria-hidden="true">
      {marks.map(at => (
        <span key={at}>
          {isLong ? moment(new Date(at).toISOString()).split(',')[0] : clock(at).slice(0, 5)}
        </span>
      ))}
    </div>
  )
}

function Row({
  app,
  leases,
  scale,
}: {
  app: string
  leases: readonly api.LeaseView[]
  scale: Scale
}) {
  const x = (at: number) =>
    Math.min(100, Math.max(0, (100 * (at - scale.from)) / (scale.to - scale.from)))
  const says =
    leases.length > namedBars
      ? `${many(leases.length, 'lease')}; which they are is in the table`
      : leases.map(lease => sayLease(lease)).join('; ')
  return (
    <svg
      viewBox={`0 0 100 ${rowHeight}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${app}: ${says}`}
    >
      {leases.map(lease => {
        const from = x(Date.parse(lease.issuedAt ?? lease.madeAt))
        const to = x(endOf(lease, scale.now))
        const until = x(Date.parse(lease.termEndsAt))
        const isAlive = lease.state !== 'gone'
        return (
          <g key={lease.id}>
            <title>{sayLease(lease)}</title>
            {isAlive && (
              <rect className="rest" x={to} y="9" width={Math.max(0, until - to)} height="10" />
            )}
            <rect
              className={classOf(lease)}
              x={from}
              y="6"
              width={Math.max(least, to - from)}
              height="16"
            />
          </g>
        )
      })}
      <line className="now" x1={x(scale.now)} x2={x(scale.now)} y1="0" y2={rowHeight} />
    </svg>
  )
}

/** One that is not gone may be alive until somebody read that it is not. */
function endOf(lease: api.LeaseView, now: number): number {
  return lease.endedAt === null ? now : Date.parse(lease.endedAt)
}

function classOf(lease: api.LeaseView): string {
  if (lease.state === 'live') return lease.contained ? 'held' : 'live'
  if (lease.state !== 'gone') return 'held'
  return lease.outcome === 'verified-gone' || lease.outcome === 'never-made' ? 'gone' : 'bad'
}

function sayLease(lease: api.LeaseView): string {
  const { word } = sayState(stateOf(lease))
  const when =
    lease.endedAt === null
      ? `term ends ${clock(lease.termEndsAt)}`
      : `${clock(lease.madeAt)} to ${clock(lease.endedAt)}`
  return `${lease.shortId}, ${lease.resource} ${lease.actions.join(', ')}, ${word}, ${when}`
}
