import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'vite'
import { expect, test } from 'vitest'
import { problemTable } from '../../doors/api/problems.ts'
import { limits } from './limits.ts'
import { problemOf } from './problem.ts'
import sentences from './sentences.json' with { type: 'json' }

type Node = { type: string; [key: string]: unknown }
interface Use {
  readonly file: string
  readonly id: string
  readonly words: readonly string[]
}

const root = join(import.meta.dirname, '../../..')
const files = globSync(['src/**/*.ts', 'front/**/*.ts'], { cwd: root }).filter(
  file => !file.endsWith('.test.ts'),
)
const uses = files.flatMap(file => usesIn(file, readFileSync(join(root, file), 'utf8')))

test('every sentence is used, and has a code with a wire form', () => {
  expect(uses.length).toBeGreaterThan(100)
  expect(new Set(uses.map(({ id }) => id))).toEqual(new Set(Object.keys(sentences)))
  const codes = new Set(Object.keys(problemTable))
  expect(Object.entries(sentences).filter(([, { code }]) => !codes.has(code))).toEqual([])
})

test('every word of a sentence is given where the sentence is used', () => {
  const missing = uses.flatMap(({ file, id, words }) => {
    const { detail, next = '' } = sentences[id as keyof typeof sentences] as Sentence
    const wanted = [...`${detail} ${next}`.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
    const known = new Set(['command', 'product', ...Object.keys(limits), ...words])
    return wanted.filter(name => !known.has(name)).map(name => `${file}: ${id} needs ${name}`)
  })
  expect(missing).toEqual([])
})

test('what a caller sent is filled in as it is, braces and all', () => {
  const { detail, field } = problemOf('slug-not-valid', { field: '{slugChars}', slugChars: 3 })
  expect(detail).toContain('`{slugChars}`')
  expect(detail).toContain('at most 3')
  expect(field).toBe('{slugChars}')
})

type Sentence = { readonly detail: string; readonly next?: string }

function usesIn(file: string, text: string): Use[] {
  const found: Use[] = []
  visit(parseSync(file, text).program, node => {
    const callee = node['callee'] as Node | undefined
    if (node.type !== 'CallExpression' || callee?.['name'] !== 'problemOf') return
    const [id, words] = node['arguments'] as Node[]
    if (id?.type !== 'Literal') throw new Error(`${file}: a sentence is named where it is used`)
    const properties = (words?.['properties'] ?? []) as { key: { name: string } }[]
    found.push({ file, id: String(id['value']), words: properties.map(({ key }) => key.name) })
  })
  return found
}

function visit(node: unknown, see: (node: Node) => void): void {
  if (Array.isArray(node)) for (const each of node) visit(each, see)
  else if (typeof node === 'object' && node !== null) {
    if ('type' in node) see(node as Node)
    visit(Object.values(node), see)
  }
}
