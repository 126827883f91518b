/** How many entries came when: a bar for each stretch of time that had some, and the same as a table. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type * as api from '../api.ts'
import { moment } from '../time.ts'
import { type List, useReadOnce } from '../use.ts'
import { many } from '../words.ts'
import { Panel } from './show.tsx'
import { Table } from './table.tsx'

/** As many as can be pointed at. */
const mostBars = 25

export function Histogram({ of }: { of: Readonly<Record<string, string | undefined>> }) {
  const { kind = '', about: subject = '' } = of
  const asked = Object.entries({ kind, subject }).filter(([, value]) => value !== '')
  const counts = useReadOnce<List<api.CountView>>(`/v1/log/counts?${new URLSearchParams(asked)}`)
  const rows = counts.data?.items.slice(-mostBars) ?? []
  const [first, last] = [rows[0]?.at, rows.at(-1)?.until]
  if (first === undefined || last === undefined) return null
  const most = Math.max(...rows.map(({ entries }) => entries))
  const [from, ms] = [Date.parse(first), Date.parse(last) - Date.parse(first)]
  const part = (one: number, of: number) => `${(100 * one) / of}%`
  const high = (count: number) => ({ y: part(most - count, most), height: part(count, most) })
  return (
    <Panel title={`When, since ${moment(first)}`}>
      <div className="drawn">
        <svg height="80" role="group" aria-label="Entries by when they came">
          {rows.map(row => {
            const [x, width] = [
              Date.parse(row.at) - from,
              Date.parse(row.until) - Date.parse(row.at),
            ]
            const bar = { x: part(x + width / 8, ms), width: part((width * 3) / 4, ms) }
            return (
              <Stretch of={row} key={row.at}>
                <title>{sayCount(row)}</title>
                <rect x={part(x, ms)} width={part(width, ms)} height="100%" fill="transparent" />
                <rect className="muted" fill="currentColor" {...bar} {...high(row.entries)} />
                <rect className="bad" fill="currentColor" {...bar} {...high(row.denied)} />
              </Stretch>
            )
          })}
        </svg>
      </div>
      <p className="muted hint">Counted as you came here. What is red was denied.</p>
      <details>
        <summary>The same as a table</summary>
        <Table
          name="Entries by when they came"
          rows={rows}
          keyOf={row => row.at}
          columns={[
            { name: 'From', cell: row => <Stretch of={row}>{moment(row.at)}</Stretch> },
            { name: 'Until', cell: row => moment(row.until) },
            { name: 'Entries', cell: row => row.entries.toLocaleString('en') },
            { name: 'Denied', cell: row => row.denied.toLocaleString('en') },
          ]}
        />
      </details>
    </Panel>
  )
}

/** Leads to its entries, under the filter that is set. */
function Stretch({ of, children }: { of: api.CountView; children: ReactNode }) {
  const range = { from: String(of.from), to: String(of.to) }
  return (
    <Link to="/log" search={words => ({ ...words, ...range })} aria-label={sayCount(of)}>
      {children}
    </Link>
  )
}

const sayCount = ({ at, entries, denied }: api.CountView) =>
  `${moment(at)}: ${many(entries, 'entry', 'entries')}, ${denied} denied`
