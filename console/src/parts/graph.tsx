/**
 * By which ways an app reaches what now: from its owner to the resource, in five fixed columns, and the same
 * as a table. The ways that go through a node stand out while it has the focus.
 */
import { useState } from 'react'
import type * as api from '../api.ts'
import { Panel } from './show.tsx'
import { Table } from './table.tsx'

const columns = ['Owner', 'App', 'Identity', 'Credential', 'Resource']
/** Each is at most a line and two nodes of its own, of two marks: 60 stay below 500 marks. */
const mostDrawn = 60
const rowHeight = 40

/** A text for each column; the credential is empty where it is granted and nothing holds it. */
type Way = readonly string[]

function waysOf({ owner, slug, identities, leases, grants }: api.AppDetail): Way[] {
  const roleOf = (id: string) => identities.find(({ spiffeId }) => spiffeId === id)?.role ?? id
  const held = leases
    .filter(({ state }) => state !== 'gone')
    .map(lease => [owner.name, slug, roleOf(lease.identity), lease.shortId, lease.resource])
  const granted = grants
    .filter(({ state }) => state === 'live')
    .flatMap(({ roles, resource }) => roles.map(role => [owner.name, slug, role, '', resource]))
    .filter(([, , role, , to]) => !held.some(way => way[2] === role && way[4] === to))
  // Two grants of one resource are one way.
  return [...new Map([...held, ...granted].map(way => [way.join(' '), way])).values()]
}

export function Graph({ app }: { app: api.AppDetail }) {
  const [picked, pick] = useState('')
  const all = waysOf(app)
  if (all.length === 0) return null
  const ways = all.slice(0, mostDrawn)
  const nodes = columns.map((_, i) => [...new Set(ways.flatMap(way => way[i] || []))])
  const height = rowHeight * Math.max(...nodes.map(({ length }) => length))
  const places = nodes.flatMap((texts, i) =>
    texts.map((text, n) => ({ i, text, y: ((n + 0.5) * height) / texts.length })),
  )
  const lineOf = (way: Way) =>
    places
      .filter(({ i, text }) => way[i] === text)
      .map(({ i, y }) => `${200 * i},${y} ${200 * i + 150},${y}`)
  const of = ways.length < all.length ? `${ways.length} of ${all.length}` : all.length
  return (
    <Panel title={`${columns.join(' → ')} (${of})`}>
      <div className="drawn">
        <svg viewBox={`-2 0 954 ${height}`} role="group" aria-label={`Ways of ${app.slug}`}>
          {ways.map(way => (
            <polyline
              key={way.join(' ')}
              points={lineOf(way).join(' ')}
              className={way.some((text, i) => `${i} ${text}` === picked) ? 'on' : ''}
            />
          ))}
          {places.map(({ i, text, y }) => (
            <a
              key={`${i} ${text}`}
              href={i === 3 ? `/trace/${text}` : `/log?about=${app.slug}`}
              aria-label={`${columns[i]} ${text}`}
              onFocus={() => pick(`${i} ${text}`)}
              onMouseEnter={() => pick(`${i} ${text}`)}
            >
              <title>{text}</title>
              <rect x={200 * i} y={y - 15} width="150" height="30" rx="6" />
              <text x={200 * i + 8} y={y + 5}>
                {text.length > 18 ? `${text.slice(0, 17)}…` : text}
              </text>
            </a>
          ))}
        </svg>
      </div>
      <details>
        <summary>The same as a table</summary>
        <Table<Way>
          name={`Ways of ${app.slug}`}
          rows={all}
          keyOf={way => way.join(' ')}
          columns={columns.map((name, i) => ({ name, cell: way => way[i] }))}
        />
      </details>
    </Panel>
  )
}
