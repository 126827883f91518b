/**
 * A notebook is `notebook.md`: words, and cells of JavaScript between them. Pure. Results are never written into it, so no
 * row of anybody's comes into the history of this folder, as it does with notebooks that keep their outputs.
 */
export interface Cell {
  /** The words above it, as Markdown. */
  readonly says: string
  readonly code: string
}
export type Shown = { text: string } | { columns: string[]; rows: string[][] }
export interface Ran extends Cell {
  readonly shown: readonly Shown[]
  /** Why it stopped here; empty where it did not. */
  readonly failed: string
}

const mostRows = 200
const mostChars = 20_000

/** The words after the last cell are a cell without code. */
export function cellsIn(markdown: string): Cell[] {
  const parts = markdown.replaceAll('\r\n', '\n').split(/^```js\n([^]*?)^```[^\S\n]*$/m)
  const cells = parts.flatMap((says, i) =>
    i % 2 === 0 ? [{ says: says.trim(), code: parts[i + 1] ?? '' }] : [],
  )
  return cells.filter(({ says, code }) => says + code !== '')
}

/** One module of the first so many: what one cell names the next ones know. `at` tells which is running. */
export function moduleOf(cells: readonly Cell[]): string {
  const body = cells.map(({ code }, i) => `at(${i});\n${code}`).join('\n')
  return `export default async ({ rows, columns, show, bars, at }) => {\n${body}\n}`
}

/** A list of objects is a table; everything else is said as it is, up to a bound. */
export function shownOf(value: unknown): Shown {
  const isRow = (each: unknown) => typeof each === 'object' && each !== null && !Array.isArray(each)
  if (!Array.isArray(value) || value.length === 0 || !value.every(isRow))
    return { text: textOf(value) }
  const rows = (value as Record<string, unknown>[]).slice(0, mostRows)
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const cells = rows.map(row => columns.map(name => textOf(row[name] ?? '–').slice(0, 300)))
  if (value.length > mostRows) cells.push([`… and ${value.length - mostRows} more`])
  return { columns, rows: cells }
}

export function barsOf(pairs: readonly (readonly [string, number])[]): Shown {
  const most = Math.max(...pairs.map(([, many]) => many), 1)
  const rows = pairs.slice(0, mostRows).map(([name, many]) => {
    return [name, '█'.repeat(Math.max(0, Math.round((many / most) * 30))), String(many)]
  })
  return { columns: ['', '', ''], rows }
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? String(value))
  return text.slice(0, mostChars)
}
