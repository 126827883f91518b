/** Apps: what exists, whose, until when? */
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { AppLink, Empty, EndBar, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { useApps } from '../use.ts'
import { many } from '../words.ts'

const columns: readonly Column<api.AppView>[] = [
  {
    name: 'App',
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
  { name: 'Stage', cell: app => app.stage },
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
  const apps = useApps()
  const { words, set } = useWords()
  const { q = '', state = '' } = words
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
                {['active', 'paused', 'ending', 'ended', 'draft', 'graduated'].map(each => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          </div>
        }
      >
        <Read from={apps} what="apps">
          {({ items }) => <Apps of={items.filter(app => fits(app, q, state))} all={items.length} />}
        </Read>
      </Panel>
    </>
  )
}

function Apps({ of, all }: { of: readonly api.AppView[]; all: number }) {
  if (all === 0)
    return (
      <Empty>
        No apps yet. In a folder of yours: <code>./lh new "what it should do"</code>
      </Empty>
    )
  if (of.length === 0) return <Empty>No app fits the filter; there are {many(all, 'app')}.</Empty>
  return <Table name="Apps" columns={columns} rows={of} keyOf={app => app.id} />
}

function fits(app: api.AppView, q: string, state: string): boolean {
  if (state !== '' && app.state !== state) return false
  const text = [app.slug, app.purpose, app.owner.name, app.backup?.name, app.team, app.stage]
  return text.join(' ').toLowerCase().includes(q.trim().toLowerCase())
}
