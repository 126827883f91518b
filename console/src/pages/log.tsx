/**
 * The log: who did what? Newest first, read a page at a time as far as somebody scrolls; only the rows that
 * are seen are drawn.
 */
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type FormEvent, useEffect, useRef } from 'react'
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { get, type Refused } from '../api.ts'
import { Histogram } from '../parts/histogram.tsx'
import { Empty, Panel, ProblemBox, Title, When } from '../parts/show.tsx'
import { clock, date } from '../time.ts'
import { isNo, useApps, useEvery, useMe } from '../use.ts'
import { many, shortName } from '../words.ts'

const pageRows = 100
const rowHeight = 58

type Filter = Readonly<Record<string, string | undefined>>

/** Kinds people ask for; any other can be written. */
const kinds =
  'app.make app.pause app.end decision.deny grant.make hold.set ' +
  'lease.issue lease.end lease.use request.make request.answer'

function useLog(filter: Filter, isAsked: boolean) {
  const { kind, about, from, to } = filter
  const every = useEvery()
  return useInfiniteQuery<api.LogPage, Refused>({
    queryKey: ['/v1/log', kind, about, from, to],
    enabled: isAsked,
    initialPageParam: '',
    queryFn: ({ pageParam }) => {
      const query = new URLSearchParams({ limit: String(pageRows) })
      if (kind !== undefined) query.set('kind', kind)
      if (about !== undefined) query.set('subject', about)
      // A stretch of time that was chosen reads from its beginning, as it happened.
      if (from !== undefined)
        query.set('after', String(pageParam === '' ? Number(from) - 1 : Number(pageParam)))
      if (to !== undefined) query.set('before', String(Number(to) + 1))
      else if (pageParam !== '') query.set('before', String(pageParam))
      return get(`/v1/log?${query}`)
    },
    getNextPageParam: page => (page.next === null ? undefined : String(page.next)),
    // Only the newest page moves; what is behind it never changes.
    refetchInterval: ({ state }) =>
      (state.data?.pages.length ?? 0) > 1 || isNo(state.error) ? false : every,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export function LogPage() {
  const { words: filter, set } = useWords()
  // Without a role the whole log is denied, and each denial kept: what is known to be a no is not asked.
  const roles = useMe().data?.person?.roles ?? []
  const isAsked = roles.length > 0 || filter['about'] !== undefined
  const log = useLog(filter, isAsked)
  const entries = log.data?.pages.flatMap(page => page.entries) ?? []
  const size = log.data?.pages[0]?.size
  return (
    <>
      <Title
        aside={
          size !== undefined && (
            <span className="muted">{many(size, 'entry', 'entries')} in all</span>
          )
        }
      >
        Log
      </Title>
      {isAsked && <Histogram of={filter} />}
      <Panel title="Entries" aside={<Filters filter={filter} set={set} />}>
        {filter['from'] !== undefined && (
          <p className="note">
            <button type="button" className="second" onClick={() => set({ from: '', to: '' })}>
              #{filter['from']} to #{filter['to']}, as it happened ✕
            </button>
          </p>
        )}
        {log.error !== null && <ProblemBox of={log.error} />}
        {log.isStale && (log.data?.pages.length ?? 0) > 1 && <Newer filter={filter} />}
        {!isAsked && <OfApps />}
        {log.data !== undefined && entries.length === 0 && (
          <Empty>
            No entry fits. <Link to="/log">Show all</Link>
          </Empty>
        )}
        {entries.length > 0 && (
          <Rows
            entries={entries}
            hasMore={log.hasNextPage}
            more={() => {
              if (!log.isFetchingNextPage) void log.fetchNextPage()
            }}
          />
        )}
      </Panel>
    </>
  )
}

/** Of a log that was read some way back: what came since is read when somebody wants it. */
function Newer({ filter: { kind, about } }: { filter: Filter }) {
  const client = useQueryClient()
  return (
    <p className="note" role="status">
      The log has grown since.{' '}
      <button
        type="button"
        className="second"
        onClick={() => void client.resetQueries({ queryKey: ['/v1/log', kind, about] })}
      >
        Show the newest
      </button>
    </p>
  )
}

/** Without a role somebody reads what is about the apps they may see. */
function OfApps() {
  const apps = useApps().data?.items ?? []
  return (
    <>
      <p>Without a role you read what is about an app of yours:</p>
      <ul className="gives">
        {apps.map(app => (
          <li key={app.id}>
            <Link to="/log" search={{ about: app.slug }}>
              {app.slug}
            </Link>
          </li>
        ))}
      </ul>
    </>
  )
}

function Filters({ filter, set }: { filter: Filter; set: (next: Filter) => void }) {
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const read = (name: string) => {
      const value = form.get(name)
      return typeof value === 'string' ? value.trim() : ''
    }
    set({ kind: read('kind'), about: read('about') })
  }
  return (
    <form className="filters" onSubmit={send} key={`${filter.kind} ${filter.about}`}>
      <label>
        <span className="hidden">Kind</span>
        <input name="kind" list="kinds" placeholder="Kind" defaultValue={filter.kind} data-filter />
      </label>
      <datalist id="kinds">
        {kinds.split(' ').map(kind => (
          <option key={kind} value={kind} />
        ))}
      </datalist>
      <label>
        <span className="hidden">About</span>
        <input name="about" placeholder="About: an app or an id" defaultValue={filter.about} />
      </label>
      <button type="submit" className="second">
        Filter
      </button>
    </form>
  )
}

function Rows({
  entries,
  hasMore,
  more,
}: {
  entries: readonly api.LogEntryView[]
  hasMore: boolean
  more: () => void
}) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: entries.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    getItemKey: i => entries[i]?.position ?? i,
  })
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && last >= entries.length - 20) more()
  }, [hasMore, last, entries.length, more])
  return (
    <div
      className="log"
      ref={scroller}
      role="table"
      tabIndex={0}
      aria-label="Entries of the log"
      aria-rowcount={hasMore ? -1 : entries.length}
    >
      <div style={{ height: rows.getTotalSize() }} role="rowgroup">
        {items.map(item => {
          const entry = entries[item.index]
          return (
            entry && (
              <div
                key={item.key}
                ref={rows.measureElement}
                data-index={item.index}
                className="entry"
                role="row"
                aria-rowindex={item.index + 1}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Entry of={entry} />
              </div>
            )
          )
        })}
      </div>
    </div>
  )
}

function Entry({ of }: { of: api.LogEntryView }) {
  const about = of.subjects
    .map(({ name }) => shortName(name))
    // What has neither a name nor a short id says nothing to a reader; the entry itself has it.
    .filter(name => !name.endsWith('…'))
    .join(', ')
  return (
    <>
      <span role="cell" className="entry-number">
        <Link to="/log/$position" params={{ position: String(of.position) }}>
          #{of.position}
        </Link>
      </span>
      <span role="cell" className="entry-time muted" title={date(of.at)}>
        {clock(of.at)}
      </span>
      <span role="cell" className="entry-says">
        <strong>{of.actorName}</strong> {of.says}
        {about !== '' && <span className="muted"> · {about}</span>}
      </span>
      <span role="cell" className="entry-kind muted">
        <code>{of.kind}</code>
      </span>
      <span role="cell" className="entry-age muted">
        <When at={of.at} />
      </span>
    </>
  )
}
