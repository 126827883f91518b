/** Leases: what access is alive now, and what was? One row an app, one bar a lease. */
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { useNow } from '../live.ts'
import { LeaseTable } from '../parts/leases.tsx'
import { Empty, Panel, Read, Title } from '../parts/show.tsx'
import { type RangeName, rangeFor, ranges, Timeline } from '../parts/timeline.tsx'
import { type List, useRead } from '../use.ts'
import { many } from '../words.ts'

export function LeasesPage() {
  const { words, set } = useWords()
  const { app, as = 'picture' } = words
  const now = useNow()
  const chosen = ranges.find(({ name }) => name === words['range'])?.name
  const path = app === undefined ? '/v1/leases' : `/v1/leases?app=${encodeURIComponent(app)}`
  const leases = useRead<List<api.LeaseView>>(path)
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
        {({ items }) => (
          <Panel
            title={sayAlive(items)}
            aside={
              <span className="aside">
                {!isTable && (
                  <Ranges
                    chosen={chosen ?? rangeFor(items, now)}
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
            <Leases of={items} isTable={isTable} range={chosen ?? rangeFor(items, now)} />
          </Panel>
        )}
      </Read>
    </>
  )
}

function sayAlive(leases: readonly api.LeaseView[]): string {
  const alive = leases.filter(lease => lease.state !== 'gone').length
  return alive === 0 ? 'No one holds access right now' : `${many(alive, 'lease')} may be alive now`
}

function Leases({
  of,
  isTable,
  range,
}: {
  of: readonly api.LeaseView[]
  isTable: boolean
  range: RangeName
}) {
  const now = useNow()
  if (of.length === 0) return <Empty>No one holds access right now. That is the point.</Empty>
  if (isTable) return <LeaseTable leases={of} name="Leases" />
  return <Timeline leases={of} range={range} now={now} />
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
