/** Ends: which apps are over, is it proven, and whose turn is it where it is not? */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { ExportPanel } from '../parts/export.tsx'
import { AppLink, Empty, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { type List, type Pages, useMe, usePages, useRead } from '../use.ts'

export function EndsPage() {
  const ending = usePages<List<api.AppView>>('/v1/apps?state=ending')
  const ended = usePages<List<api.AppView>>('/v1/apps?state=ended')
  // The whole log is read for it: who may not, is not shown what would be denied.
  const mayExport = (useMe().data?.person?.roles.length ?? 0) > 0
  const residual = useRead<List<api.ResidualView>>('/v1/residual')
  return (
    <>
      <Title>Ends</Title>
      <Panel title="Not proven gone">
        <Read from={residual} what="what is left">
          {({ items }) =>
            items.length === 0 ? (
              <Empty>All that ended is proven gone.</Empty>
            ) : (
              <Table name="Not proven gone" columns={left} rows={items} keyOf={keyOf} />
            )
          }
        </Read>
      </Panel>
      {(ending.data?.rows.length ?? 0) > 0 && (
        <Panel title="Ending">
          <Read from={ending} what="apps">
            {pages => <Ended of={pages} name="Ending apps" />}
          </Read>
        </Panel>
      )}
      <Panel title="Ended apps">
        <Read from={ended} what="apps">
          {pages => <Ended of={pages} name="Ended apps" />}
        </Read>
      </Panel>
      {mayExport && <ExportPanel />}
    </>
  )
}

const keyOf = (each: api.ResidualView) => `${each.app} ${each.system} ${each.name}`

const left: readonly Column<api.ResidualView>[] = [
  { name: 'Thing', cell: each => <code>{each.name}</code> },
  { name: 'System', cell: each => each.system },
  {
    name: 'App',
    cell: each => (
      <Link to="/apps/$app/end" params={{ app: each.app }}>
        {each.app}
      </Link>
    ),
  },
  { name: 'State', cell: each => <State of={each.state} /> },
  { name: 'Since', is: 'short', cell: each => <When at={each.sinceAt} /> },
  { name: 'Whose turn', cell: each => <strong>{each.turn}</strong> },
]

function Ended({ of, name }: { of: Pages<api.AppView>; name: string }) {
  if (of.rows.length === 0) return <Empty>No app has ended yet. Every one will.</Empty>
  return (
    <Table
      name={name}
      rows={of.rows}
      pages={of}
      keyOf={app => app.id}
      columns={[
        { name: 'App', cell: app => <AppLink slug={app.slug} /> },
        { name: 'Purpose', is: 'words', cell: app => app.purpose },
        { name: 'Owner', cell: app => app.owner.name },
        {
          name: 'Ended',
          cell: app => (app.endedAt === null ? 'not yet' : <When at={app.endedAt} />),
        },
        { name: 'Proof', cell: app => <Proven of={app.slug} /> },
      ]}
    />
  )
}

/** How much of it was read back, and where the rest is told. */
function Proven({ of }: { of: string }) {
  const end = useRead<api.OffboardingView>(`/v1/apps/${encodeURIComponent(of)}/end`)
  if (end.data === undefined) return <span className="muted">reading…</span>
  const { state, green, of: all } = end.data
  return (
    <>
      <State of={state} />{' '}
      <span className="muted">
        {green} of {all}
      </span>{' '}
      <Link to="/apps/$app/end" params={{ app: of }} aria-label={`Proof of the end of ${of}`}>
        Proof
      </Link>
    </>
  )
}
