/** A trace: from which commit to which use? Each hop proven, asserted or missing. */
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { AppLink, Panel, Read, State, Title } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { Waterfall } from '../parts/waterfall.tsx'
import { clock } from '../time.ts'
import { useReadOnce } from '../use.ts'

type Hop = api.TraceView['hops'][number]

export function TracePage() {
  const thing = usePart('thing')
  const trace = useReadOnce<api.TraceView>(`/v1/trace/${encodeURIComponent(thing)}`)
  return (
    <Read from={trace} what={`the trace of ${thing}`}>
      {seen => <Trace of={seen} />}
    </Read>
  )
}

function Trace({ of }: { of: api.TraceView }) {
  const [isTable, setTable] = useState(false)
  return (
    <>
      <Title>Trace of {of.about}</Title>
      <p className="lead">
        <State of="proven" word={`${of.proven} proven`} /> ·{' '}
        <State of="asserted" word={`${of.asserted} asserted`} /> ·{' '}
        <State of={of.missing > 0 ? 'missing' : 'gone'} word={`${of.missing} missing`} />
      </p>
      <p className="muted">
        App <AppLink slug={of.app} />. Proven: signed, or an entry of the log. Asserted: somebody
        said so.
      </p>
      <Panel
        title="From the commit to the use"
        aside={
          <button type="button" className="second" onClick={() => setTable(!isTable)}>
            {isTable ? 'Show as picture' : 'Show as table'}
          </button>
        }
      >
        {isTable ? <Hops of={of.hops} /> : <Waterfall hops={of.hops} about={of.about} />}
      </Panel>
    </>
  )
}

function Hops({ of }: { of: readonly Hop[] }) {
  const rows = of.map((hop, i) => ({ ...hop, order: i + 1 }))
  return (
    <Table
      name="Hops"
      rows={rows}
      keyOf={hop => String(hop.order)}
      columns={[
        { name: 'Hop', cell: hop => <strong>{hop.hop}</strong> },
        { name: 'Name', is: 'words', cell: hop => hop.name },
        { name: 'What', is: 'words', cell: hop => hop.what },
        { name: 'State', cell: hop => <State of={hop.state} /> },
        { name: 'By', cell: hop => hop.by },
        { name: 'At', cell: hop => (hop.at === null ? 'not known' : clock(hop.at)) },
        {
          name: 'Entry',
          cell: hop =>
            hop.entry === null ? (
              <span className="muted">none</span>
            ) : (
              <Link to="/log/$position" params={{ position: String(hop.entry) }}>
                #{hop.entry}
              </Link>
            ),
        },
      ]}
    />
  )
}
