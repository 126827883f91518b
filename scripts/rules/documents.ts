// Rules for two pages that are wrong as soon as they differ from the tree: ARCHITECTURE.md names the
// chapters, docs/dependencies.md says of each direct dependency why it is a guest here.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AROUND, CHANNELS, CHAPTERS, CLIENTS, CONNECTORS, SCAN } from './house.ts'
import type { Breach } from './imports.ts'

const ARCHITECTURE = 'ARCHITECTURE.md'
const DEPENDENCIES = 'docs/dependencies.md'
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies']

/** Each chapter that exists stands in the page as `src/…/`, in reading order; each path there exists. */
export function checkArchitecture(root: string): Breach[] {
  const page = readPage(root, ARCHITECTURE)
  if (page === undefined) return [absent(ARCHITECTURE, 'the chapters, each as `src/…/`, in order')]
  const breaches: Breach[] = []
  const named = [...page.matchAll(/`([\w./-]+)`/g)].map(match => match[1] ?? '')
  const beside = [CONNECTORS, CHANNELS, SCAN, ...CLIENTS]
  const tops = ['src', 'policies', 'templates', 'docs', ...beside, ...AROUND]
  for (const path of new Set(named)) {
    if (!tops.includes(path.split('/')[0] ?? '') || !path.includes('/')) continue
    if (!existsSync(join(root, path)))
      breaches.push(inPage(ARCHITECTURE, `\`${path}\` is not there`))
  }
  const chapters = [...CHAPTERS.map(({ path }) => path), CONNECTORS].filter(path =>
    isFilled(root, path),
  )
  let last = -1
  for (const path of chapters) {
    const at = named.indexOf(`${path}/`)
    if (at < 0) breaches.push(inPage(ARCHITECTURE, `chapter \`${path}/\` is not named`))
    else if (at < last && path !== CONNECTORS) {
      breaches.push(
        inPage(ARCHITECTURE, `chapter \`${path}/\` stands too early: keep reading order`),
      )
    }
    if (path !== CONNECTORS) last = Math.max(last, at)
  }
  return breaches
}

/** Each direct dependency of each part has its name in back-ticks; each table row is a dependency. */
export function checkDependencies(root: string): Breach[] {
  const page = readPage(root, DEPENDENCIES)
  if (page === undefined) return [absent(DEPENDENCIES, 'one line for each direct dependency')]
  const below = (folder: string) =>
    (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []).map(
      name => `${folder}/${name}`,
    )
  const folders = ['.', SCAN, ...CLIENTS, ...below(CONNECTORS), ...below(CHANNELS)]
  const direct = new Set(folders.flatMap(folder => directOf(root, folder)))
  const breaches: Breach[] = []
  for (const name of direct) {
    if (!page.includes(`\`${name}\``))
      breaches.push(inPage(DEPENDENCIES, `\`${name}\` has no line`))
  }
  for (const row of page.matchAll(/^\|([^|]*)\|/gm)) {
    for (const [, name = ''] of (row[1] ?? '').matchAll(/`([^`]+)`/g)) {
      if (!direct.has(name)) {
        breaches.push(inPage(DEPENDENCIES, `\`${name}\` is no direct dependency any more`))
      }
    }
  }
  return breaches
}

function readPage(root: string, path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
}

function isFilled(root: string, folder: string): boolean {
  return existsSync(join(root, folder)) && readdirSync(join(root, folder)).length > 0
}

function directOf(root: string, folder: string): string[] {
  const text = readPage(root, `${folder}/package.json`)
  if (text === undefined) return []
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>
  return KINDS.flatMap(kind => Object.keys(manifest[kind] ?? {}))
}

function absent(file: string, what: string): Breach {
  return { file, line: 0, text: `is missing: write it, with ${what}` }
}

function inPage(file: string, text: string): Breach {
  return { file, line: 0, text }
}
