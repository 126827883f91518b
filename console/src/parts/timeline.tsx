/**
 * The timeline of leases, drawn without a library, a row for each app. What is said of a bar is its name; what
 * can not be drawn legibly is in the table twin. Of many rows those alone are there that are seen.
 */
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { memo, type ReactNode, useRef } from 'react'
import type * as api from '../api.ts'
import { clock, moment } from '../time.ts'
import { many, sayState } from '../words.ts'
import { type Bar, Bars } from './bars.tsx'
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
/** Up to so many rows are all there, seen or not. */
const wholeRows = 100
const least = 0.6

/** Each in the colour that `bars.tsx` draws it in. */
const legend = [
  ['ok', 'alive'],
  ['rest', 'until its term ends'],
  ['wait', 'being made, held or ended'],
  ['muted', 'verified gone'],
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
      <Rows of={apps}>
        {app => (
          <>
            <Link to="/apps/$app" params={{ app }}>
              {app}
            </Link>
            <Row app={app} leases={byApp.get(app) ?? []} scale={scale} />
          </>
        )}
      </Rows>
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

function Rows({ of, children }: { of: readonly string[]; children: (name: string) => ReactNode }) {
  const list = useRef<HTMLUListElement>(null)
  const rows = useWindowVirtualizer({
    count: of.length,
    estimateSize: () => rowHeight + 1,
    overscan: of.length > wholeRows ? 10 : wholeRows,
    scrollMargin: list.current?.offsetTop ?? 0,
    getItemKey: i => of[i] ?? i,
  })
  return (
    <ul ref={list} style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map(({ key, index, start }) => (
        <li
          key={key}
          ref={rows.measureElement}
          data-index={index}
          aria-setsize={of.length}
          aria-posinset={index + 1}
          style={{ transform: `translateY(${start - rows.options.scrollMargin}px)` }}
        >
          {children(of[index] ?? '')}
        </li>
      ))}
    </ul>
  )
}

type RowOf = { app: string; leases: readonly api.LeaseView[]; scale: Scale }

/** Not drawn anew where the page has only been moved. */
const Row = memo(function Row({ app, leases, scale }: RowOf) {
  const says =
    leases.length > namedBars
      ? `${many(leases.length, 'lease')}; which they are is in the table`
      : leases.map(sayLease).join('; ')
  return (
    <Bars
      bars={leases.map(lease => barOf(lease, scale))}
      now={placeOf(scale.now, scale)}
      name={`${app}: ${says}`}
      says={nth => leases[nth] && sayLease(leases[nth])}
    />
  )
})

/** Where an instant stands, in hundredths of the row. */
function placeOf(at: number, { from, to }: Scale): number {
  return Math.min(100, Math.max(0, (100 * (at - from)) / (to - from)))
}

function barOf(lease: api.LeaseView, scale: Scale): Bar {
  const from = placeOf(Date.parse(lease.issuedAt ?? lease.madeAt), scale)
  const to = placeOf(endOf(lease, scale.now), scale)
  const isAlive = lease.state !== 'gone'
  const until = isAlive ? placeOf(Date.parse(lease.termEndsAt), scale) : to
  return { tone: classOf(lease), from, to: Math.max(from + least, to), until }
}

/** One that is not gone may be alive until somebody read that it is not. */
function endOf(lease: api.LeaseView, now: number): number {
  return lease.endedAt === null ? now : Date.parse(lease.endedAt)
}

function classOf(lease: api.LeaseView): Bar['tone'] {
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
