// The import rule: chapters look backward only, and no file depends on itself through others.
// Types, re-exports, dynamic imports and `import('x').T` count as much as plain imports.
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { isTest, placeOf, refuseImport } from './house.ts'
import type { Import, Source } from './source.ts'

/** One place where a rule does not hold. */
export type Breach = { file: string; line: number; text: string }

const PERMIT = 'src/core/base/permit.ts'
const PERMIT_MAKER = 'issuePermit'

export function checkImports(root: string, sources: Source[]): Breach[] {
  // A rule that saw nothing has not passed.
  if (sources.length === 0) return [{ file: root, line: 0, text: 'the import rule saw no file' }]
  const known = new Set(sources.map(source => source.file))
  const packages = readPackages(root)
  const breaches: Breach[] = []
  for (const source of sources) {
    const { file } = source
    if (placeOf(file).kind === 'nowhere') {
      breaches.push({ file, line: 1, text: 'stands in no chapter (scripts/rules/house.ts)' })
      continue
    }
    for (const problem of source.problems) {
      const isTolerated = placeOf(file).kind === 'around' && /computed/.test(problem.text)
      if (!isTolerated) breaches.push({ file, ...problem })
    }
    for (const one of source.imports) {
      const text = one.to ? refuseOurs(file, one, one.to, known) : packages.refuse(file, one)
      if (text) breaches.push({ file, line: one.line, text })
    }
  }
  return [...breaches, ...findCycles(sources)]
}

function refuseOurs(file: string, one: Import, to: string, known: Set<string>): string | undefined {
  if (/\.tsx?$/.test(to) && !known.has(to)) return `${one.spec} is not there`
  return refuseImport(file, to, one.isType) ?? refusePermitMaker(file, one, to)
}

/** INVARIANT: nobody acts without a decision, so only `policy` can make what proves one. */
function refusePermitMaker(file: string, one: Import, to: string): string | undefined {
  if (to !== PERMIT || one.isType) return undefined
  if (!one.names.some(name => name === PERMIT_MAKER || name === '*')) return undefined
  if (one.isReexport) return `${PERMIT_MAKER} is not passed on`
  const isAllowed = file.startsWith('src/core/policy/') || file.startsWith('test/') || isTest(file)
  return isAllowed ? undefined : `only src/core/policy makes Permits (${PERMIT_MAKER})`
}

/** A package must be named by the package.json of the part that uses it; types may be a tool's. */
function readPackages(root: string) {
  const read = (folder: string) => {
    try {
      const text = readFileSync(join(root, folder, 'package.json'), 'utf8')
      return JSON.parse(text) as Record<string, Record<string, string> | undefined>
    } catch {
      return {}
    }
  }
  const named = (folder: string) => Object.keys(read(folder)['dependencies'] ?? {})
  const lists = new Map<string, Set<string>>()
  const listOf = (folder: string) => {
    const list = lists.get(folder) ?? new Set(named(folder))
    lists.set(folder, list)
    return list
  }
  return {
    refuse(file: string, one: Import): string | undefined {
      if (one.spec.startsWith('node:')) return undefined
      if (isBuiltin(one.spec)) return `say \`node:${one.spec}\``
      if (one.spec.startsWith('#') || one.spec.startsWith('/')) return `${one.spec}: use a path`
      const place = placeOf(file)
      if (place.kind === 'around' || isTest(file) || one.isType) return undefined
      const name = one.spec.split('/', one.spec.startsWith('@') ? 2 : 1).join('/')
      // A connector without a manifest of its own takes what the server has.
      const isBeside = place.kind === 'connector' || place.kind === 'channel'
      const isOwn = isBeside && Object.keys(read(place.path)).length > 0
      const isApart = place.kind === 'client' || place.kind === 'scan'
      const folder = isApart || isOwn ? place.path : ''
      if (listOf(folder).has(name)) return undefined
      return `${name} is not in "dependencies" of ${folder || 'package.json'}`
    },
  }
}

/** Each cycle once, from its first file; depth first, remembering what is on the way. */
function findCycles(sources: Source[]): Breach[] {
  const edges = new Map(sources.map(source => [source.file, source.imports]))
  const state = new Map<string, 'open' | 'done'>()
  const breaches: Breach[] = []
  const path: string[] = []
  const enter = (file: string): void => {
    state.set(file, 'open')
    path.push(file)
    for (const { to, line } of edges.get(file) ?? []) {
      if (to === undefined || !edges.has(to)) continue
      if (state.get(to) === 'open') {
        const round = [...path.slice(path.indexOf(to)), to].join(' → ')
        breaches.push({ file, line, text: `a cycle: ${round}` })
      } else if (!state.has(to)) enter(to)
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const { file } of sources) if (!state.has(file)) enter(file)
  return breaches
}
