/** A build day: who is stuck, on what, and the way to stop all of it. */
import { useQueries } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { usePart, useWords } from '../address.ts'
import type * as api from '../api.ts'
import { get, post, type Refused } from '../api.ts'
import { daysOf, isStuck, sortTiles, type Tile, tileOf } from '../day.ts'
import { useNow } from '../live.ts'
import { Field, FormButton } from '../parts/act.tsx'
import { LiftButton } from '../parts/lift.tsx'
import { PagesNote } from '../parts/pages.tsx'
import { Empty, Panel, Read, State, Title, Until, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { span } from '../time.ts'
import { isNo, type List, useAct, useEvery, useMe, usePages, useRead } from '../use.ts'
import { many } from '../words.ts'

export function DaysPage() {
  const apps = usePages<List<api.AppView>>('/v1/apps')
  return (
    <>
      <Title>Days</Title>
      <p className="muted">Many teams build at once, and afterwards nothing of it is left.</p>
      <Panel title="Days of the apps you may see">
        <Read from={apps} what="days">
          {pages => (
            <>
              <PagesNote of={pages} what="app" isFiltered />
              <Days of={pages.rows} />
            </>
          )}
        </Read>
      </Panel>
    </>
  )
}

function Days({ of }: { of: readonly api.AppView[] }) {
  const days = daysOf(of)
  if (days.length === 0)
    return (
      <Empty>
        No app is of a day. One file makes one: <code>./lh day plan day.yaml</code>
      </Empty>
    )
  return (
    <Table
      name="Days"
      rows={days}
      keyOf={day => day.name}
      columns={[
        {
          name: 'Day',
          cell: day => (
            <Link to="/days/$day" params={{ day: day.name }}>
              {day.name}
            </Link>
          ),
        },
        { name: 'Teams', cell: day => day.teams },
        { name: 'Not ended', cell: day => day.living },
        { name: 'Last end', cell: day => <Until at={day.endsAt} /> },
      ]}
    />
  )
}

export function DayPage() {
  const name = usePart('day')
  const apps = useRead<List<api.AppView>>(`/v1/apps?day=${encodeURIComponent(name)}`)
  return (
    <Read from={apps} what={name}>
      {({ items, next }) =>
        items.length === 0 ? (
          <>
            <Title>{name}</Title>
            <Empty>No app you may see is of this day.</Empty>
          </>
        ) : (
          <Wall name={name} apps={items} hasMore={typeof next === 'number'} />
        )
      }
    </Read>
  )
}

function Wall({
  name,
  apps,
  hasMore,
}: {
  name: string
  apps: readonly api.AppView[]
  hasMore: boolean
}) {
  const { words, set } = useWords()
  const { tiles, missing } = useTiles(apps)
  const now = useNow()
  const isTable = words['as'] === 'table'
  const ends = daysOf(apps)[0]?.endsAt ?? ''
  const left = Date.parse(ends) - now
  return (
    <>
      <Title aside={<HoldDay name={name} />}>{name}</Title>
      <p className="lead">
        {left > 0 ? `${span(left)} until every app ends` : 'Every app has reached its end'} ·{' '}
        {many(apps.length, 'team')}
        {hasMore && ', and more that are not shown'} ·{' '}
        {many(
          tiles.reduce((sum, { leases }) => sum + leases, 0),
          'live lease',
        )}
      </p>
      <Panel
        title={stuckOf(tiles, missing)}
        aside={
          <button
            type="button"
            className="second"
            onClick={() => set({ as: isTable ? undefined : 'table' })}
          >
            {isTable ? 'Show as wall' : 'Show as table'}
          </button>
        }
      >
        {isTable ? <TileTable of={tiles} /> : <Tiles of={tiles} />}
      </Panel>
    </>
  )
}

function stuckOf(tiles: readonly Tile[], missing: number): string {
  const more = missing === 0 ? '' : `, ${many(missing, 'team')} not read yet`
  const count = tiles.filter(isStuck).length
  return count === 0 ? `Nobody is stuck${more}` : `${many(count, 'team')} stuck${more}`
}

/** Each team's app by itself: an entry about one has that one read anew, and no other. */
function useTiles(apps: readonly api.AppView[]) {
  const askedMs = useEvery()
  const read = useQueries({
    queries: apps.map(({ id, slug }) => ({
      queryKey: [`/v1/apps/${encodeURIComponent(slug)}`, 'tile'],
      queryFn: () => get<api.AppDetail>(`/v1/apps/${encodeURIComponent(slug)}`),
      refetchInterval: ({ state }: { state: { error: Refused | null } }) =>
        isNo(state.error) ? (false as const) : askedMs,
      meta: { subject: id },
    })),
  })
  const details = read.flatMap(({ data }) => data ?? [])
  return { tiles: sortTiles(details.map(tileOf)), missing: apps.length - details.length }
}

function Tiles({ of }: { of: readonly Tile[] }) {
  return (
    <ol className="wall" aria-label="Teams, who needs somebody first">
      {of.map(tile => (
        <li key={tile.team} className={isStuck(tile) ? 'stuck' : undefined}>
          <Link to="/apps/$app" params={{ app: tile.team }}>
            {tile.team}
          </Link>
          <State of={tile.state} />
          <Link to={tile.to} className="tile-says">
            {tile.says}
          </Link>
          <span className="muted">
            {many(tile.leases, 'live lease')}
            {tile.since !== null && (
              <>
                {' '}
                · <When at={tile.since} />
              </>
            )}
          </span>
        </li>
      ))}
    </ol>
  )
}

function TileTable({ of }: { of: readonly Tile[] }) {
  return (
    <Table
      name="Teams"
      rows={of}
      keyOf={tile => tile.team}
      columns={[
        {
          name: 'Team',
          cell: tile => (
            <Link to="/apps/$app" params={{ app: tile.team }}>
              {tile.team}
            </Link>
          ),
        },
        { name: 'State', cell: tile => <State of={tile.state} /> },
        {
          name: 'What blocks it',
          is: 'words',
          cell: tile => <Link to={tile.to}>{tile.says}</Link>,
        },
        { name: 'Since', is: 'short', cell: tile => (tile.since ? <When at={tile.since} /> : '') },
        { name: 'Live leases', cell: tile => tile.leases },
      ]}
    />
  )
}

/** One order stops every team of the day; who may give it, the server says, and this only shows. */
function HoldDay({ name }: { name: string }) {
  const holds = useRead<List<api.HoldView>>('/v1/holds')
  const roles = useMe().data?.person?.roles ?? []
  const act = useAct((reason: string) => post('/v1/holds', { scope: 'day', about: name, reason }))
  const hold = holds.data?.items.find(
    ({ scope, about }) => scope === 'day' && about === `day/${name}`,
  )
  if (hold !== undefined)
    return (
      <>
        <span className="wait">■ The whole day is held: {hold.reason}</span>{' '}
        <LiftButton of={hold} />
      </>
    )
  if (!roles.some(role => role === 'platform' || role === 'security')) return null
  return (
    <FormButton
      name="Hold the whole day…"
      title={`Hold ${name}`}
      act={act}
      tone="danger"
      verb="Stop every team"
      send={({ reason = '' }) => act.mutate(reason)}
    >
      <p>
        Nothing new is issued to any app of this day, and live access stops within seconds. Nothing
        is deleted; the hold can be lifted.
      </p>
      <Field name="reason" label="Why?" required hint="Every team reads this." />
    </FormButton>
  )
}
