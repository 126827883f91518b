// The size rule. Small is a promise to the reader: a careful person reads the core in a week. The
// table shows each chapter against its budget, a guide; the sums, and the longest file, are limits.
// Counted are code lines: no blank line, none that begins as a comment. Tests are not counted.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  BESIDE,
  CHANNELS,
  CHAPTERS,
  CLIENTS,
  CONNECTOR_BUDGET,
  CONNECTORS,
  isTest,
  placeOf,
  SCAN,
} from './house.ts'
import type { Breach } from './imports.ts'
import { listFiles, type Source } from './source.ts'

// The core is what the design wants, and only ever falls; others, with a reason in docs/decisions/size.md.
const LIMITS = {
  server: 24_000,
  connectors: 12_400,
  channels: 700,
  core: 9000,
  engine: 1400,
  cli: 2650,
  verifier: 300,
  builders: 3000,
  scan: 2600,
  console: 6500,
  front: 630,
  runner: 500,
  action: 250,
}
const MAX_FILE_LINES = 400
const WARN_FILE_LINES = 300
const MAX_FUNCTION_LINES = 70
const ENGINE = 'src/core/policy/engine'
const VERIFIER = 'cli/src/proof'
/** What makes apps and runs days, by the same API as everybody: no right of its own. */
const BUILDERS = 'cli/src/make'
const CODE = ['.ts', '.tsx', '.sql', '.cedar', '.css']
const BEGINS_AS_COMMENT = /^\s*($|\/\/|\/\*|\*|-- )/
const ANY = /: any\b|as any\b/

export type SizeReport = { rows: SizeRow[]; breaches: Breach[]; warnings: Breach[] }
export type SizeRow = { name: string; files: number; lines: number; limit?: number; isSum: boolean }

export function measureSize(root: string, sources: Source[]): SizeReport {
  const files = listFiles(
    root,
    ['src', CONNECTORS, CHANNELS, SCAN, ...BESIDE, ...CLIENTS, 'policies'],
    CODE,
  ).filter(isProduct)
  const counts = new Map(files.map(file => [file, count(readFileSync(join(root, file), 'utf8'))]))
  const rows = tabulate(counts)
  const breaches: Breach[] = []
  for (const { name, lines, limit, isSum } of rows) {
    if (!isSum || limit === undefined || lines <= limit) continue
    breaches.push({ file: name, line: 0, text: `${lines} code lines, the limit is ${limit}` })
  }
  const product = sources.filter(({ file }) => placeOf(file).kind !== 'around' && isProduct(file))
  for (const { file, text } of product) breaches.push(...judgeFile(file, text))
  return { rows, breaches, warnings: product.flatMap(warnOf) }
}

export function printSize({ rows }: SizeReport): string {
  const line = (name: string, files: string, lines: string, limit: string, note: string) =>
    `  ${name.padEnd(26)}${files.padStart(6)}${lines.padStart(8)}${limit.padStart(8)}  ${note}`
  const out = [line('chapter', 'files', 'lines', 'budget', '').trimEnd()]
  for (const { name, files, lines, limit, isSum } of rows) {
    if (files === 0 && !isSum) continue
    const note = limit !== undefined && lines > limit ? (isSum ? 'TOO LONG' : 'over') : ''
    out.push(line(name, `${files}`, `${lines}`, `${limit ?? ''}`, note).trimEnd())
  }
  return out.join('\n')
}

/** Code lines, as the project's budgets count them. */
export function count(text: string): number {
  return text.split('\n').filter(line => !BEGINS_AS_COMMENT.test(line)).length
}

/** Pages are read as markup is, their style with them. */
const PAGES = 'src/doors/api/oauth/pages/'

function isProduct(file: string): boolean {
  return (
    !file.startsWith(PAGES) &&
    !isTest(file) &&
    !file.includes('/test/') &&
    !file.includes('generated')
  )
}

function tabulate(counts: Map<string, number>): SizeRow[] {
  const row = (name: string, limit: number | undefined, holds: (file: string) => boolean) => {
    const files = [...counts.keys()].filter(holds)
    const lines = files.reduce((sum, file) => sum + (counts.get(file) ?? 0), 0)
    return { name, files: files.length, lines, ...(limit === undefined ? {} : { limit }) }
  }
  const below = (folder: string) => (file: string) => file.startsWith(`${folder}/`)
  const isEngine = below(ENGINE)
  const connectors = new Set([...counts.keys()].filter(below(CONNECTORS)).map(f => placeOf(f)))
  const folders = new Set([...connectors].flatMap(p => (p.kind === 'connector' ? [p.path] : [])))
  const parts = [
    ...CHAPTERS.map(({ path, budget }) =>
      row(path, budget, file => below(path)(file) && !isEngine(file)),
    ),
    ...[...folders].map(path => row(path, CONNECTOR_BUDGET, below(path))),
    row('src/*.ts', 400, file => placeOf(file).kind === 'root'),
    row('policies', undefined, below('policies')),
  ]
  const isCore = (file: string) => below('src/core')(file) && file.endsWith('.ts')
  const isApart = (file: string) => below(VERIFIER)(file) || below(BUILDERS)(file)
  const sums = [
    row('core', LIMITS.core, file => isCore(file) && !isEngine(file)),
    row('policy engine', LIMITS.engine, isEngine),
    row('server', LIMITS.server, below('src')),
    row('connectors', LIMITS.connectors, below(CONNECTORS)),
    row('channels', LIMITS.channels, below(CHANNELS)),
    row('cli', LIMITS.cli, file => below('cli')(file) && !isApart(file)),
    row('cli verifier', LIMITS.verifier, below(VERIFIER)),
    row('cli builders', LIMITS.builders, below(BUILDERS)),
    row('scan', LIMITS.scan, below(SCAN)),
    row('console', LIMITS.console, below('console')),
    row('action', LIMITS.action, below('action')),
    row('front', LIMITS.front, below('front')),
    row('runner', LIMITS.runner, below('runner')),
  ]
  return [
    ...parts.map(part => ({ ...part, isSum: false })),
    ...sums.filter(sum => sum.files > 0).map(sum => ({ ...sum, isSum: true })),
  ]
}

function judgeFile(file: string, text: string): Breach[] {
  const breaches: Breach[] = []
  const lines = text.split('\n')
  if (lines.length - 1 > MAX_FILE_LINES) {
    breaches.push({
      file,
      line: 0,
      text: `${lines.length - 1} lines, the limit is ${MAX_FILE_LINES}`,
    })
  }
  lines.forEach((line, index) => {
    if (ANY.test(line))
      breaches.push({ file, line: index + 1, text: '`any` says nothing: name the type' })
  })
  return breaches
}

function warnOf({ file, text, functions }: Source): Breach[] {
  const long = functions.filter(one => one.lines > MAX_FUNCTION_LINES)
  const warnings = long.map(({ name, line, lines }) => ({
    file,
    line,
    text: `${name} has ${lines} lines, the guide is ${MAX_FUNCTION_LINES}`,
  }))
  const lines = text.split('\n').length - 1
  if (lines > WARN_FILE_LINES && lines <= MAX_FILE_LINES) {
    warnings.push({ file, line: 0, text: `${lines} lines: nearly too long` })
  }
  return warnings
}
