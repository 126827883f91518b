/**
 * Templates: folders of real files with a few places to fill. In a clone they lie at its root, installed apart beside
 * the code. A name that begins with `_` begins with a dot where it is written: here it would mean this repository.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import type { Ask } from '../../../src/doors/api/contract.ts'
import { usage } from '../problem.ts'

/** `words`: what a sentence says that asks for it. `connector`: the one thing it speaks to; empty where that is a database. */
export type Kind = Record<'version' | 'words' | 'connector', string> & Pick<Ask, 'actions'>
export interface Template extends Kind {
  readonly name: string
  /** SHA-256 of names and contents, hex: which files exactly these are. */
  readonly digest: string
  readonly files: readonly TemplateFile[]
}
export type TemplateFile = { path: string; text: string }
/** What is filled in: words of people, put as each file needs them, and `raw` parts of ours, as they are. */
export type Filling = {
  words: Readonly<Record<string, string>>
  raw: Readonly<Record<string, string>>
}

const mostFiles = 20
const root = ['../../templates', '../../../templates']
  .map(path => resolve(import.meta.dirname, path))
  .find(existsSync)

export function kindsOfTemplate(): Record<string, Kind> {
  const text = root ? readFileSync(join(root, 'versions.json'), 'utf8') : '{}'
  return JSON.parse(text) as Record<string, Kind>
}

export function readTemplate(name: string): Template {
  const all = kindsOfTemplate()
  const kind = Object.hasOwn(all, name) ? all[name] : undefined
  if (root === undefined || kind === undefined)
    throw usage(
      `There is no template \`${name}\`.`,
      `Say --template ${Object.keys(all).join(' or ')}`,
    )
  const folder = join(root, name)
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(each => each.isFile())
    .map(each => join(each.parentPath, each.name).slice(folder.length + 1))
    .filter(path => !path.startsWith('node_modules'))
    .sort()
  if (paths.length > mostFiles) throw new Error(`${name} has ${paths.length} files`)
  const files = paths.map(path => ({
    path: path
      .split(sep)
      .map(part => part.replace(/^_/, '.'))
      .join('/'),
    text: readFileSync(join(folder, path), 'utf8'),
  }))
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex')
  return { ...kind, name, digest, files }
}

/**
 * ATTACKER: the words. A purpose is whatever somebody typed: in YAML and JSON it stays inside its quotes, in Markdown
 * it is one line that can not begin a heading, a link or a tag.
 */
export function fill({ path, text }: TemplateFile, { words, raw }: Filling): TemplateFile {
  const isQuoted = /\.(json|ya?ml)$/.test(path)
  const put = (word: string) =>
    isQuoted ? JSON.stringify(word).slice(1, -1) : word.replace(/[[\]<>`\\*#|]/g, '\\$&')
  const filled = text
    .replace(/\["\{\{(\w+)\}\}"\]/g, (all, name: string) => raw[name] ?? all)
    .replace(/\{\{(\w+)\}\}/g, (all, name: string) => {
      const word = words[name]
      return word === undefined ? all : put(word)
    })
  return { path, text: filled }
}
