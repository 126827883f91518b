/** Rows that look like the real ones and are nobody's: made from the columns' names, the same each time. */
import type { Row } from './postgres.ts'

const dayMs = 24 * 3600 * 1000
const firstDay = Date.UTC(2026, 0, 1)
const states = ['new', 'open', 'waiting', 'done']

export function syntheticRows(columns: readonly string[], many: number): Row[] {
  return Array.from({ length: many }, (_, i) =>
    Object.fromEntries(columns.map(column => [column, valueOf(column, i + 1)])),
  )
}

function valueOf(column: string, n: number): string {
  // Spread without chance: a prime that no small table divides.
  const spread = (n * 7919) % 1000
  if (/(^|_)id$/.test(column)) return String(n)
  if (/(_on|_at|date|since|until)$/.test(column)) return day(spread)
  if (/amount|price|total|margin|cost|value/.test(column)) return String(spread * 100)
  if (/stage|state|status|health|priority/.test(column)) return states[n % states.length] ?? ''
  if (/(^|_)(count|number|probability|age|days)(_|$)/.test(column)) return String(spread % 100)
  if (/e?mail/.test(column)) return `sample${n}@example.com`
  return `Sample ${column.replaceAll('_', ' ')} ${n}`
}

function day(spread: number): string {
  return new Date(firstDay + (spread % 300) * dayMs).toISOString().slice(0, 10)
}
