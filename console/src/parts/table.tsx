/**
 * A table of what the server listed: fifty rows a page, the server's own pages read as somebody goes on, read as cards where the screen is narrow. The roles
 * are said again in attributes, because a table that is laid out as blocks loses them.
 */
import { type ReactNode, useState } from 'react'
import type { Pages } from '../use.ts'
import { many } from '../words.ts'

export interface Column<T> {
  readonly name: string
  readonly cell: (row: T) => ReactNode
  /** `words` may be long, and anybody's: broken wherever they must be. `short` is never broken. */
  readonly is?: 'words' | 'short'
}

const pageRows = 50

export function Table<T>({
  name,
  columns,
  rows,
  keyOf,
  pages: of,
}: {
  name: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf: (row: T) => string
  /** Of a list that goes on at the server. */
  pages?: Omit<Pages<unknown>, 'rows'>
}) {
  const [wanted, setPage] = useState(0)
  const pages = Math.max(1, Math.ceil(rows.length / pageRows))
  const page = Math.min(wanted, pages - 1)
  const hasMore = of?.hasMore === true
  const after = () => {
    setPage(page + 1)
    if (page === pages - 1) of?.more()
  }
  const shown = rows.slice(page * pageRows, (page + 1) * pageRows)
  return (
    <>
      <table role="table" aria-label={name}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(column => (
              <th key={column.name} role="columnheader" scope="col" className={column.is}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map(row => (
            <tr key={keyOf(row)} role="row">
              {columns.map(column => (
                <td key={column.name} role="cell" data-name={column.name} className={column.is}>
                  <span className="cell">{column.cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {(pages > 1 || hasMore) && (
        <nav className="pages" aria-label={`Pages of ${name}`}>
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            ← Before
          </button>
          <span>
            {page + 1} of {pages}
            {hasMore && ' and more'} · {many(rows.length, 'row')}
            {hasMore && ' read so far'}
          </span>
          <button
            type="button"
            disabled={page === pages - 1 && (!hasMore || of.isReading)}
            onClick={after}
          >
            After →
          </button>
        </nav>
      )}
    </>
  )
}
