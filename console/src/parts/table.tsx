/**
 * A table of what the server listed: fifty rows a page, read as cards where the screen is narrow. The roles
 * are said again in attributes, because a table that is laid out as blocks loses them.
 */
import { type ReactNode, useState } from 'react'
import { many } from '../words.ts'

export interface Column<T> {
  readonly name: string
  readonly cell: (row: T) => ReactNode
  /** Of numbers and the like. */
  readonly isNarrow?: boolean
}

const pageRows = 50

export function Table<T>({
  name,
  columns,
  rows,
  keyOf,
}: {
  name: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf: (row: T) => string
}) {
  const [wanted, setPage] = useState(0)
  const pages = Math.max(1, Math.ceil(rows.length / pageRows))
  const page = Math.min(wanted, pages - 1)
  const shown = rows.slice(page * pageRows, (page + 1) * pageRows)
  return (
    <>
      <table role="table" aria-label={name}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(column => (
              <th key={column.name} role="columnheader" scope="col" className={classOf(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map(row => (
            <tr key={keyOf(row)} role="row">
              {columns.map(column => (
                <td
                  key={column.name}
                  role="cell"
                  data-name={column.name}
                  className={classOf(column)}
                >
                  <span className="cell">{column.cell(row)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {pages > 1 && (
        <nav className="pages" aria-label={`Pages of ${name}`}>
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            ← Before
          </button>
          <span>
            {page + 1} of {pages} · {many(rows.length, 'row')}
          </span>
          <button type="button" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>
            After →
          </button>
        </nav>
      )}
    </>
  )
}

function classOf<T>({ isNarrow }: Column<T>): string | undefined {
  return isNarrow === true ? 'narrow' : undefined
}
