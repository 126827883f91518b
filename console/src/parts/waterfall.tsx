/**
 * The waterfall of a trace: one line a hop, placed by when it was. Names are text beside the picture, so that
 * they can be read, found and copied; the picture itself has a name and a table twin.
 */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { clock } from '../time.ts'
import { State } from './show.tsx'

type Hop = api.TraceView['hops'][number]

export function Waterfall({ hops, about }: { hops: readonly Hop[]; about: string }) {
  const times = hops.flatMap(({ at }) => (at === null ? [] : [Date.parse(at)]))
  const [from, to] = [Math.min(...times), Math.max(...times)]
  const place = (at: number) => (to === from ? 50 : 2 + (96 * (at - from)) / (to - from))
  return (
    <ol className="waterfall" aria-label={`Hops of ${about}, in their order`}>
      {hops.map((hop, i) => {
        const before = hops.slice(0, i).findLast(each => each.at !== null)?.at
        return (
          // Hops have no id of their own; their order is what they are.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={i}>
            <span className="hop">
              <strong>{hop.hop}</strong> {hop.name}
              <span className="under muted">{hop.what}</span>
            </span>
            <Line hop={hop} place={place} before={before ?? null} />
            <span className="hop-by">
              <State of={hop.state} />
              <span className="under muted">
                {hop.entry === null ? (
                  hop.by
                ) : (
                  <>
                    {hop.by.replace(/,? ?log #\d+$/, '')}{' '}
                    <Link to="/log/$position" params={{ position: String(hop.entry) }}>
                      #{hop.entry}
                    </Link>
                  </>
                )}
              </span>
            </span>
          </li>
        )
      })}
    </ol>
  )
}

function Line({
  hop,
  place,
  before,
}: {
  hop: Hop
  place: (at: number) => number
  before: string | null
}) {
  const says = `${hop.hop} ${hop.name}, ${hop.at === null ? 'time not known' : `at ${clock(hop.at)}`}, ${hop.state}`
  const x = hop.at === null ? undefined : place(Date.parse(hop.at))
  const start = before === null ? x : place(Date.parse(before))
  return (
    <svg
      className="line"
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={says}
    >
      <line className="lane" x1="0" x2="100" y1="12" y2="12" />
      {x !== undefined && start !== undefined && (
        <>
          <line className={`gap ${hop.state}`} x1={start} x2={x} y1="12" y2="12" />
          <line className={`mark ${hop.state}`} x1={x} x2={x} y1="5" y2="19" />
        </>
      )}
    </svg>
  )
}
