/** What lies beside the code: the action's own file, what it takes along, and the workflows that use it. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readSource } from '../../scripts/rules/source.ts'
import { workflows } from '../verify/workflows.ts'

const root = resolve(import.meta.dirname, '../..')
const action = parse(readFileSync(join(root, 'action/action.yml'), 'utf8')) as {
  inputs: Record<string, { required: boolean; default?: string; description: string }>
  outputs: Record<string, object>
  runs: Record<string, string>
}

test('it runs on what runners carry, and its last step whatever became of the job', () => {
  const { main = '', post = '', ...how } = action.runs
  expect(how).toEqual({ using: 'node24', 'post-if': 'always()' })
  for (const entry of [main, post]) expect(existsSync(join(root, 'action', entry))).toBe(true)
})

test('each input it declares is read, and none other', () => {
  const text = readFileSync(join(root, 'action/src/client.ts'), 'utf8')
  const isRead = [...text.matchAll(/text\('([A-Z]+)'\)/g)].map(([, name = '']) =>
    name.toLowerCase(),
  )
  expect(new Set(isRead)).toEqual(new Set(Object.keys(action.inputs)))
})

test('nothing it takes along needs a package', () => {
  const seen = new Set<string>()
  const foreign: string[] = []
  const walk = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const { spec, to, isType } of readSource(file, readFileSync(join(root, file), 'utf8'))
      .imports) {
      // Words of the command line that a job does not use are loaded when they are called.
      if (isType) continue
      if (to !== undefined && to.endsWith('.ts')) walk(to)
      else if (to === undefined && !spec.startsWith('node:')) foreign.push(`${file}: ${spec}`)
    }
  }
  for (const name of ['main', 'hold', 'post']) walk(`action/src/${name}.ts`)
  expect(seen).toContain('cli/src/verbs/task.ts')
  expect(foreign).toEqual([])
  // What lies nearest says that these are modules, wherever the folder is put.
  expect(JSON.parse(readFileSync(join(root, 'action/package.json'), 'utf8')).type).toBe('module')
})

test('the example of the page says what the action needs, and nothing it does not know', () => {
  const found = workflows()
  expect(found.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['job-_github-workflows-run.yml', 'use-in-github-actions-1.yml']),
  )
  const uses = found.flatMap(({ text }) => {
    const { permissions, jobs } = parse(text) as {
      permissions: Record<string, string>
      jobs: Record<string, { steps: { uses?: string; with?: Record<string, string> }[] }>
    }
    const steps = Object.values(jobs).flatMap(job => job.steps)
    return steps.flatMap(({ uses = '', with: given = {} }) =>
      uses.includes('leasehold/action@') ? [{ given, permissions, uses }] : [],
    )
  })
  expect(uses.length).toBeGreaterThan(0)
  for (const { given, permissions, uses: name } of uses) {
    expect(permissions).toEqual({ 'id-token': 'write', contents: 'read' })
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(given)))
    const needed = Object.entries(action.inputs).filter(([, { required }]) => required)
    expect(Object.keys(given)).toEqual(expect.arrayContaining(needed.map(([input]) => input)))
    // A name can be moved to other code, a commit can not.
    expect(name).toMatch(/@[0-9a-f]{40}$/)
  }
})

test('of what a page says of inputs each is one', () => {
  const page = readFileSync(join(root, 'docs/how-to/use-in-github-actions.md'), 'utf8')
  const rows = page
    .slice(page.indexOf('| input |'), page.indexOf('The outputs'))
    .matchAll(/^\| `(\w+)`/gm)
  const named = [...rows].map(([, name]) => name)
  expect(new Set(named)).toEqual(new Set(Object.keys(action.inputs)))
})
