/** Ends: which apps are over, is it proven, and whose turn is it where it is not? */
import { Link } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { AppLink, Empty, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { type List, useApps, useRead } from '../use.ts'

export function EndsPage() {
  const apps = useApps()
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
      <Panel title="Ended apps">
        <Read from={apps} what="apps">
          {({ items }) => <Ended of={items.filter(isEnding)} />}
        </Read>
      </Panel>
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
  { name: 'Since', cell: each => <When at={each.sinceAt} /> },
  { name: 'Whose turn', cell: each => <strong>{each.turn}</strong> },
]

function isEnding(app: api.AppView): boolean {
  return app.state === 'ending' || app.state === 'ended'
}

function Ended({ of }: { of: readonly api.AppView[] }) {
  if (of.length === 0) return <Empty>No app has ended yet. Every one will.</Empty>
  return (
    <Table
      name="Ended apps"
      rows={of}
      keyOf={app => app.id}
      columns={[
        { name: 'App', cell: app => <AppLink slug={app.slug} /> },
        { name: 'Purpose', cell: app => app.purpose },
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
