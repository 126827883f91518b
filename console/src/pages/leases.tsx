/** Leases: what access is alive now, and what was? One row an app, one bar a lease. */
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { useNow } from '../live.ts'
import { LeaseTable } from '../parts/leases.tsx'
import { PagesNote } from '../parts/pages.tsx'
import { Empty, Panel, Read, Title } from '../parts/show.tsx'
import { drawnAt, type RangeName, rangeFor, ranges, Timeline } from '../parts/timeline.tsx'
import { type List, type Pages, usePages } from '../use.ts'
import { many } from '../words.ts'

export function LeasesPage() {
  const { words, set } = useWords()
  const { app, as = 'picture' } = words
  const now = useNow()
  const chosen = ranges.find(({ name }) => name === words['range'])?.name
  const path = app === undefined ? '/v1/leases' : `/v1/leases?app=${encodeURIComponent(app)}`
  const leases = usePages<List<api.LeaseView>>(path)
  const isTable = as === 'table'
  return (
    <>
      <Title
        aside={
          app !== undefined && (
            <button type="button" className="second" onClick={() => set({ app: undefined })}>
              {app} ✕
            </button>
          )
        }
      >
        Leases
      </Title>
      <Read from={leases} what="leases">
        {pages => (
          <Panel
            title={sayAlive(pages)}
            aside={
              <span className="aside">
                {!isTable && (
                  <Ranges
                    chosen={chosen ?? rangeFor(pages.rows, now)}
                    choose={name => set({ range: name })}
                  />
                )}
                <button
                  type="button"
                  className="second"
                  onClick={() => set({ as: isTable ? undefined : 'table' })}
                >
                  {isTable ? 'Show as picture' : 'Show as table'}
                </button>
              </span>
            }
          >
            <PagesNote of={pages} what="lease" isFiltered={!isTable} />
            <Leases of={pages} isTable={isTable} range={chosen ?? rangeFor(pages.rows, now)} />
          </Panel>
        )}
      </Read>
    </>
  )
}

function sayAlive({ rows, hasMore }: Pages<api.LeaseView>): string {
  const alive = rows.filter(lease => lease.state !== 'gone').length
  // Of those further back nothing is known here.
  const of = hasMore ? `, of the newest ${rows.length.toLocaleString('en')}` : ''
  if (alive === 0 && !hasMore) return 'No one holds access right now'
  return `${many(alive, 'lease')} may be alive now${of}`
}

function Leases({
  of,
  isTable,
  range,
}: {
  of: Pages<api.LeaseView>
  isTable: boolean
  range: RangeName
}) {
  const now = useNow()
  if (of.rows.length === 0) return <Empty>No one holds access right now. That is the point.</Empty>
  if (isTable) return <LeaseTable leases={of.rows} name="Leases" pages={of} />
  return <Timeline leases={of.rows} range={range} now={drawnAt(now, range)} />
}

function Ranges({ chosen, choose }: { chosen: RangeName; choose: (name: RangeName) => void }) {
  return (
    <span className="aside" role="group" aria-label="How far back">
      {ranges.map(({ name }) => (
        <button
          type="button"
          key={name}
          className="second"
          aria-pressed={name === chosen}
          onClick={() => choose(name)}
        >
          {name}
        </button>
      ))}
    </span>
  )
}
