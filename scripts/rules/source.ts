// Reads the tree for the rules: which files there are, what each imports, where its functions
// stand. Facts only; the rules judge them. The parser is the one inside Vite: the TypeScript
// compiler offers none any more, and a rule that reads by regular expressions misses a form.
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { parseSync } from 'vite'
import { AROUND, BESIDE, CHANNELS, CLIENTS, CONNECTORS, SCAN } from './house.ts'

/** One mention of another module. `to`: a path of this repository, undefined for packages. */
export type Import = {
  spec: string
  to: string | undefined
  line: number
  /** Erased before it runs. `import { type A }` is not: the module is still loaded. */
  isType: boolean
  /** What is taken from it; `*` for everything. */
  names: string[]
  isReexport: boolean
}

export type FunctionSpan = { name: string; line: number; lines: number }

export type Source = {
  file: string
  text: string
  imports: Import[]
  functions: FunctionSpan[]
  /** Why it could not be read, or imports nobody can judge. */
  problems: { line: number; text: string }[]
}

type Node = { type: string; start: number; end: number; [key: string]: unknown }

const SKIPPED = new Set(['node_modules', 'dist', 'out', '.git'])
const MAX_FILES = 5000

/** Files below `root` whose name ends with one of `endings`, as sorted relative paths. */
export function listFiles(root: string, folders: readonly string[], endings: string[]): string[] {
  const found: string[] = []
  for (const folder of folders) collect(root, folder, endings, found)
  if (found.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files: is a build inside?`)
  return found.sort()
}

export function readSources(root: string): Source[] {
  const folders = ['src', CONNECTORS, CHANNELS, SCAN, ...BESIDE, ...CLIENTS, ...AROUND]
  const files = listFiles(root, folders, ['.ts', '.tsx']).filter(file => !file.endsWith('.d.ts'))
  return files.map(file => readSource(file, readFileSync(join(root, file), 'utf8')))
}

export function readSource(file: string, text: string): Source {
  const source: Source = { file, text, imports: [], functions: [], problems: [] }
  const parsed = parseSync(file, text)
  for (const error of parsed.errors) source.problems.push({ line: 1, text: error.message })
  const lineOf = countLines(text)
  walk(parsed.program, (node, parent) => {
    const line = lineOf(node.start)
    noteImport(source, node, line)
    if (!isFunction(node)) return
    const lines = lineOf(node.end) - line + 1
    source.functions.push({ name: nameOf(node, parent), line, lines })
  })
  return source
}

function collect(root: string, folder: string, endings: string[], found: string[]): void {
  let entries: Dirent[]
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch {
    return
  }
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) collect(root, path, endings, found)
    else if (entry.isFile() && endings.some(end => path.endsWith(end))) found.push(path)
  }
}

/** All forms in which one module names another. */
function noteImport(source: Source, node: Node, line: number): void {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration': {
      if (!node['source']) return
      const isReexport = node.type !== 'ImportDeclaration'
      const isType = node['importKind'] === 'type' || node['exportKind'] === 'type'
      add(source, { from: node['source'], line, isType, names: namesOf(node), isReexport })
      return
    }
    case 'ImportExpression':
      add(source, { from: node['source'], line, isType: false, names: ['*'], isReexport: false })
      return
    case 'TSImportType':
      add(source, { from: node['source'], line, isType: true, names: ['*'], isReexport: false })
      return
    case 'NewExpression': {
      const [first, base] = node['arguments'] as unknown[]
      const callee = node['callee']
      if (!isNode(callee) || callee['name'] !== 'URL' || !isMetaUrl(base)) return
      const path = literal(first)
      if (path === undefined || !/^\.{1,2}\/.*\.tsx?$/.test(path)) return
      add(source, { from: first, line, isType: false, names: ['*'], isReexport: false })
    }
  }
}

type Mention = Omit<Import, 'spec' | 'to'> & { from: unknown }

function add(source: Source, { from, ...rest }: Mention): void {
  const spec = literal(from)
  if (spec === undefined) {
    source.problems.push({ line: rest.line, text: 'a computed import hides what it imports' })
    return
  }
  const isOurs = spec.startsWith('.')
  const to = isOurs ? posix.join(posix.dirname(source.file), spec) : undefined
  source.imports.push({ spec, to, ...rest })
}

function namesOf(declaration: Node): string[] {
  if (declaration.type === 'ExportAllDeclaration') return ['*']
  return (declaration['specifiers'] as Node[]).map(specifier => {
    if (specifier.type === 'ImportNamespaceSpecifier') return '*'
    if (specifier.type === 'ImportDefaultSpecifier') return 'default'
    const name = specifier.type === 'ImportSpecifier' ? specifier['imported'] : specifier['local']
    return isNode(name) ? String(name['name'] ?? name['value']) : '*'
  })
}

function isMetaUrl(node: unknown): boolean {
  if (!isNode(node) || node.type !== 'MemberExpression') return false
  return isNode(node['object']) && node['object'].type === 'MetaProperty'
}

function literal(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'TSLiteralType') return literal(node['literal'])
  return node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined
}

function isFunction(node: Node): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)
}

function nameOf(node: Node, parent: Node | undefined): string {
  for (const named of [node['id'], parent?.['key'], parent?.['id']]) {
    if (isNode(named) && typeof named['name'] === 'string') return named['name']
  }
  return 'a function without a name'
}

function walk(node: unknown, see: (node: Node, parent: Node | undefined) => void, above?: Node) {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, see, above)
    return
  }
  if (!isRecord(node)) return
  const here = isNode(node) ? node : undefined
  if (here) see(here, above)
  for (const value of Object.values(node)) {
    if (typeof value === 'object' && value !== null) walk(value, see, here ?? above)
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isNode(value: unknown): value is Node {
  return isRecord(value) && typeof value['type'] === 'string' && typeof value['start'] === 'number'
}

/** Turns an offset into a line, counted from 1. */
function countLines(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
