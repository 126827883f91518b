/** Apps: what exists, whose, until when? */
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { PagesNote } from '../parts/pages.tsx'
import { AppLink, Empty, EndBar, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { type List, type Pages, usePages } from '../use.ts'
import { many } from '../words.ts'

const columns: readonly Column<api.AppView>[] = [
  {
    name: 'App',
    is: 'words',
    cell: app => (
      <>
        <strong>
          <AppLink slug={app.slug} />
        </strong>
        <span className="under muted">{app.purpose}</span>
      </>
    ),
  },
  { name: 'State', cell: app => <State of={isWatched(app) ? 'watched' : app.state} /> },
  { name: 'Owner', cell: app => <Owner of={app} /> },
  { name: 'Data', cell: app => app.dataClasses.join(', ') },
  { name: 'Stage', is: 'short', cell: app => app.stage },
  {
    name: 'Ends',
    cell: app =>
      app.endedAt === null ? (
        <EndBar madeAt={app.madeAt} endsAt={app.endsAt} />
      ) : (
        <span className="muted">
          ended <When at={app.endedAt} />
        </span>
      ),
  },
]

/** Only until its date is watching what it says; the server's own sentence tells when. */
function isWatched(app: api.AppView): boolean {
  return (
    app.state === 'active' && app.watchedUntil !== null && Date.parse(app.watchedUntil) > Date.now()
  )
}

function Owner({ of: { owner, backup } }: { of: api.AppView }) {
  return (
    <>
      {owner.isLiving ? owner.name : <span className="bad">✕ {owner.name}, gone</span>}
      <span className="under muted">backup {backup?.name ?? 'none'}</span>
    </>
  )
}

export function AppsPage() {
  const { words, set } = useWords()
  const { q = '', state = '' } = words
  const apps = usePages<List<api.AppView>>(
    state === '' ? '/v1/apps' : `/v1/apps?state=${encodeURIComponent(state)}`,
  )
  return (
    <>
      <Title>Apps</Title>
      <Panel
        title="All you may see"
        aside={
          <div className="filters">
            <label>
              <span className="hidden">Filter apps</span>
              <input
                type="search"
                placeholder="Filter: name, owner, purpose"
                data-filter
                value={q}
                onChange={event => set({ q: event.target.value })}
              />
            </label>
            <label>
              <span className="hidden">State</span>
              <select value={state} onChange={event => set({ state: event.target.value })}>
                <option value="">every state</option>
                {['active', 'paused', 'ending', 'ended', 'graduated'].map(each => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          </div>
        }
      >
        <Read from={apps} what="apps">
          {pages => <Apps pages={pages} q={q} isAll={state === ''} />}
        </Read>
      </Panel>
    </>
  )
}

function Apps({ pages, q, isAll }: { pages: Pages<api.AppView>; q: string; isAll: boolean }) {
  const { rows, hasMore } = pages
  const of = rows.filter(app => fits(app, q))
  if (rows.length === 0 && isAll && !hasMore)
    return (
      <Empty>
        No apps yet. In a folder of yours: <code>./lh new "what it should do"</code>
      </Empty>
    )
  return (
    <>
      <PagesNote of={pages} what="app" isFiltered={q !== '' || rows.length === 0} />
      {of.length === 0 ? (
        <Empty>No app fits the filter; there are {many(rows.length, 'app')}.</Empty>
      ) : (
        <Table name="Apps" columns={columns} rows={of} keyOf={app => app.id} pages={pages} />
      )}
    </>
  )
}

function fits(app: api.AppView, q: string): boolean {
  const text = [app.slug, app.purpose, app.owner.name, app.backup?.name, app.team, app.stage]
  return text.join(' ').toLowerCase().includes(q.trim().toLowerCase())
}
