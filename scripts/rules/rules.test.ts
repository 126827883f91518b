// The rules are tools that must be able to fail: each is shown a small tree that breaks it, beside
// one that does not.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkArchitecture, checkDependencies } from './documents.ts'
import { checkImports } from './imports.ts'
import { count, measureSize, printSize } from './size.ts'
import { readSources } from './source.ts'

const trees: string[] = []
afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
})

function plant(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'leasehold-rules-'))
  trees.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** What the import rule says of `files`, without places. */
function judge(files: Record<string, string>): string[] {
  const root = plant(files)
  return checkImports(root, readSources(root)).map(one => one.text)
}

const BASE = { 'src/core/base/ids.ts': 'export type Id = string\nexport const one = 1\n' }
const LEASE = { 'src/core/lease/lease.ts': 'export type Lease = string\nexport const term = 1\n' }
const LATER = '../lease/lease.ts'

describe('the import rule', () => {
  it('lets a chapter import chapters above it, and itself', () => {
    const app =
      "import { one } from '../base/ids.ts'\nimport { two } from './two.ts'\nexport { one, two }\n"
    const two = { 'src/core/app/two.ts': 'export const two = 2\n' }
    expect(judge({ ...BASE, ...two, 'src/core/app/app.ts': app })).toEqual([])
  })

  it.each([
    ['a plain import', `import { term } from '${LATER}'`],
    ['an import for its effect', `import '${LATER}'`],
    ['an import of types', `import type { Lease } from '${LATER}'`],
    ['a type among values', `import { type Lease } from '${LATER}'`],
    ['a re-export', `export { term } from '${LATER}'`],
    ['a re-export of all', `export * from '${LATER}'`],
    ['a re-export of types', `export type { Lease } from '${LATER}'`],
    ['a dynamic import', `export const load = () => import('${LATER}')`],
    ['a type by import()', `export type L = import('${LATER}').Lease`],
    ['a worker by its address', `export const at = new URL('${LATER}', import.meta.url)`],
  ])('refuses %s of a later chapter', (_form, line) => {
    const found = judge({ ...LEASE, 'src/core/app/app.ts': `${line}\n` })
    expect(found).toEqual(['src/core/lease comes after src/core/app'])
  })

  it('refuses a computed import in the product, where nobody can see what it takes', () => {
    const line = 'export const load = (name: string) => import(name)\n'
    expect(judge({ 'src/core/app/app.ts': line })).toEqual([
      'a computed import hides what it imports',
    ])
    expect(judge({ 'test/load.ts': line })).toEqual([])
  })

  it('fails when it saw no file', () => {
    expect(judge({})).toEqual(['the import rule saw no file'])
  })

  it('refuses a file that does not parse, and an import of a file that is not there', () => {
    expect(judge({ 'src/core/app/app.ts': 'export const = 1\n' })).toHaveLength(1)
    const gone = "import { gone } from './gone.ts'\nexport { gone }\n"
    expect(judge({ 'src/core/app/app.ts': gone })).toEqual(['./gone.ts is not there'])
  })

  it('refuses a file outside the house', () => {
    const [found] = judge({ 'src/helpers/text.ts': 'export const a = 1\n' })
    expect(found).toContain('stands in no chapter')
  })

  it('lets a connector know base and target, and no other chapter or connector', () => {
    const port = { 'src/core/target/target.ts': 'export type Target = string\n' }
    const use = (path: string) => `import type { X } from '${path}'\nexport type Y = X\n`
    const files = (path: string) => ({
      ...BASE,
      ...port,
      ...LEASE,
      'connectors/postgres/make.ts': use(path),
      'connectors/github/make.ts': 'export type X = string\n',
    })
    expect(judge(files('../../src/core/base/ids.ts'))).toEqual([])
    expect(judge(files('../../src/core/target/target.ts'))).toEqual([])
    expect(judge(files('../../src/core/lease/lease.ts'))).toHaveLength(1)
    expect(judge(files('../github/make.ts'))).toHaveLength(1)
  })

  it('lets connectors share what those over HTTP have in common, which knows none of them', () => {
    const rest = { 'connectors/rest/client.ts': 'export const ask = 1\n' }
    const use = (path: string) => `export { ask } from '${path}'\n`
    const taken = { ...rest, 'connectors/github/make.ts': use('../rest/client.ts') }
    expect(judge(taken)).toEqual([])
    expect(judge({ ...taken, 'connectors/rest/more.ts': use('../github/make.ts') })).toEqual([
      'only src/main.ts and the registry know connectors',
    ])
    const door = { ...rest, 'src/core/lease/lease.ts': use('../../../connectors/rest/client.ts') }
    expect(judge(door)).toHaveLength(1)
  })

  it('lets only main.ts and the registry know connectors, and only main.ts the doors', () => {
    const files = {
      'connectors/postgres/make.ts': 'export const make = 1\n',
      'src/doors/api/serve.ts': 'export const serve = 1\n',
    }
    const connector = (path: string) => `export { make } from '${path}'\n`
    const registry = { 'connectors/registry.ts': connector('./postgres/make.ts') }
    const main =
      "export { make } from '../connectors/registry.ts'\n" +
      "export { serve } from './doors/api/serve.ts'\n"
    expect(judge({ ...files, ...registry, 'src/main.ts': main })).toEqual([])
    expect(
      judge({ ...files, 'src/schedule.ts': main.replace('registry', 'postgres/make') }),
    ).toEqual([
      'only src/main.ts and the registry know connectors',
      'only src/main.ts imports doors',
    ])
    const door = connector('../../../connectors/postgres/make.ts')
    expect(judge({ ...files, 'src/doors/api/serve.ts': door })).toHaveLength(1)
  })

  it('lets channels know base, the port of notices and what they share, and main.ts their registry', () => {
    const port = { 'src/life/notify/notice.ts': 'export type Notice = string\n' }
    const common = { 'channels/common/post.ts': 'export const post = 1\n' }
    const use = (path: string) => `export { one } from '${path}'\n`
    const files = (path: string) => ({
      ...BASE,
      ...LEASE,
      ...port,
      ...common,
      'src/life/notify/rows.ts': 'export const one = 1\n',
      'channels/slack/slack.ts': use(path),
      'channels/email/email.ts': 'export const one = 1\n',
    })
    for (const path of ['core/base/ids.ts', 'life/notify/notice.ts'])
      expect(judge(files(`../../src/${path}`))).toEqual([])
    expect(judge(files('../common/post.ts'))).toEqual([])
    for (const path of ['core/lease/lease.ts', 'life/notify/rows.ts'])
      expect(judge(files(`../../src/${path}`))).toEqual([
        'a channel knows only core/base and the port of notices',
      ])
    expect(judge(files('../email/email.ts'))).toEqual(['only their registry knows channels'])
    const registry = { ...common, 'channels/registry.ts': use('./common/post.ts') }
    expect(judge({ ...registry, 'src/main.ts': use('../channels/registry.ts') })).toEqual([])
    expect(judge({ ...registry, 'src/schedule.ts': use('../channels/registry.ts') })).toEqual([
      'only src/main.ts picks connectors and channels',
    ])
    expect(judge({ ...common, 'src/main.ts': use('../channels/common/post.ts') })).toEqual([
      'only their registry knows channels',
    ])
    // Neither list knows the other's.
    const web = { 'connectors/web/web.ts': 'export const one = 1\n' }
    expect(judge({ ...web, 'channels/registry.ts': use('../connectors/web/web.ts') })).toHaveLength(
      1,
    )
    expect(
      judge({ ...common, 'connectors/registry.ts': use('../channels/common/post.ts') }),
    ).toHaveLength(1)
  })

  it('lets the scan use connectors, base and target, and nothing else; and nobody the scan', () => {
    const make = { 'connectors/postgres/make.ts': 'export const make = 1\n' }
    const scan = (path: string) => ({
      ...BASE,
      ...LEASE,
      ...make,
      'scan/src/look.ts': `export { make } from '${path}'\n`,
    })
    expect(judge(scan('../../connectors/postgres/make.ts'))).toEqual([])
    expect(judge(scan('../../src/core/lease/lease.ts'))).toHaveLength(1)
    const back = "export { make } from '../../scan/src/look.ts'\n"
    const used = { ...scan('../../connectors/postgres/make.ts'), 'connectors/redis/a.ts': back }
    expect(judge(used)).toEqual(['scan/ is installed apart: nobody imports it'])
  })

  it('lets the action use the command line beside it, and nothing of the server; and nobody the action', () => {
    const files = {
      ...BASE,
      'src/doors/api/contract.ts': 'export type AppView = string\nexport const version = 1\n',
      'cli/src/show.ts': 'export const show = 1\n',
    }
    const action = (line: string) => judge({ ...files, 'action/src/main.ts': `${line}\n` })
    expect(action("export { show } from '../../cli/src/show.ts'")).toEqual([])
    const from = "from '../../src/doors/api/contract.ts'"
    expect(action(`export type { AppView } ${from}`)).toEqual([])
    expect(action(`export { version } ${from}`)).toHaveLength(1)
    expect(action("export { one } from '../../src/core/base/ids.ts'")).toHaveLength(1)
    const back = { 'cli/src/back.ts': "export { show } from '../../action/src/main.ts'\n" }
    const used = { ...files, ...back, 'action/src/main.ts': 'export const show = 1\n' }
    expect(judge(used)).toEqual(['action/ is installed apart: nobody imports it'])
    const other = { 'console/src/a.ts': "export { show } from '../../cli/src/show.ts'\n" }
    expect(judge({ ...files, ...other })).toEqual(['cli/ is installed apart: nobody imports it'])
  })

  it('lets the command line take types of the contract, nothing else of the server', () => {
    const files = {
      'src/doors/api/contract.ts': 'export type AppView = string\nexport const version = 1\n',
      'src/doors/api/serve.ts': 'export type Serve = string\n',
    }
    const cli = (line: string) => ({ ...files, 'cli/src/show.ts': `${line}\nexport const a = 1\n` })
    const from = "from '../../src/doors/api/contract.ts'"
    expect(judge(cli(`import type { AppView } ${from}`))).toEqual([])
    expect(judge(cli(`import { version } ${from}`))[0]).toContain('takes types only')
    expect(judge(cli(`import { type AppView } ${from}`))[0]).toContain('takes types only')
    const serve = "import type { Serve } from '../../src/doors/api/serve.ts'"
    expect(judge(cli(serve))).toEqual(['cli/ knows only src/doors/api/contract.ts'])
  })

  it('lets the demo use the server, and the server nothing around it', () => {
    const demo = { 'demo/start.ts': "export { one } from '../src/core/base/ids.ts'\n" }
    expect(judge({ ...BASE, ...demo })).toEqual([])
    const main = "export { one } from '../demo/start.ts'\n"
    expect(judge({ ...BASE, ...demo, 'src/main.ts': main })).toEqual([
      'the product does not use demo/',
    ])
  })

  it('lets a test import later chapters and test/, and nobody a test', () => {
    const files = { ...LEASE, 'test/fakes/clock.ts': 'export const clock = 1\n' }
    const test = `import '${LATER}'\nimport '../../../test/fakes/clock.ts'\nimport 'vitest'\n`
    expect(judge({ ...files, 'src/core/app/app.test.ts': test })).toEqual([])
    const all = { ...files, 'src/core/app/app.test.ts': test }
    const taker = "import './app.test.ts'\n"
    expect(judge({ ...all, 'src/core/app/app.ts': taker })).toEqual(['nothing imports a test'])
  })

  it('refuses a cycle of files, also one of types alone', () => {
    const found = judge({
      'src/core/app/a.ts': "import type { B } from './b.ts'\nexport type A = B\n",
      'src/core/app/b.ts': "export type B = import('./c.ts').C\n",
      'src/core/app/c.ts': "export type { A as C } from './a.ts'\n",
    })
    expect(found).toEqual([
      'a cycle: src/core/app/a.ts → src/core/app/b.ts → src/core/app/c.ts → src/core/app/a.ts',
    ])
  })

  it('refuses a package that the part does not name, and a builtin without node:', () => {
    const server = { 'package.json': '{"dependencies":{"pg":"1.0.0"},"devDependencies":{"x":"1"}}' }
    const use = (spec: string) => ({ ...server, 'src/core/app/app.ts': `import '${spec}'\n` })
    expect(judge(use('pg'))).toEqual([])
    expect(judge(use('pg/lib/client'))).toEqual([])
    expect(judge(use('x'))).toEqual(['x is not in "dependencies" of package.json'])
    expect(judge(use('fs'))).toEqual(['say `node:fs`'])
    expect(judge({ ...server, 'cli/src/main.ts': "import 'pg'\n" })).toHaveLength(1)
    const own = { 'connectors/a/package.json': '{"dependencies":{"a":"1.0.0"}}' }
    const a = (spec: string) => ({ ...server, 'connectors/a/a.ts': `import '${spec}'\n` })
    expect(judge(a('pg'))).toEqual([])
    expect(judge({ ...a('a'), ...own })).toEqual([])
    expect(judge({ ...a('pg'), ...own })).toEqual(['pg is not in "dependencies" of connectors/a'])
  })
})

describe('the Permit rule', () => {
  const permit = {
    'src/core/base/permit.ts': 'export type Permit = string\nexport const issuePermit = () => 1\n',
  }
  const path = '../base/permit.ts'
  const said = (file: string, line: string) => judge({ ...permit, [file]: `${line}\n` })

  it('lets policy make Permits, and everyone name the type', () => {
    expect(said('src/core/policy/decide.ts', `import { issuePermit } from '${path}'`)).toEqual([])
    expect(said('src/core/token/exchange.ts', `import type { Permit } from '${path}'`)).toEqual([])
    expect(
      said('src/core/token/exchange.test.ts', `import { issuePermit } from '${path}'`),
    ).toEqual([])
  })

  it.each([
    ['by name', `import { issuePermit } from '${path}'`],
    ['by another name', `import { issuePermit as ask } from '${path}'`],
    ['by the whole module', `import * as permit from '${path}'`],
    ['later', `export const load = () => import('${path}')`],
  ])('refuses its maker to every other chapter, taken %s', (_form, line) => {
    const [found] = said('src/core/token/exchange.ts', line)
    expect(found).toContain('only src/core/policy makes Permits')
  })

  it.each([`export { issuePermit } from '${path}'`, `export * from '${path}'`])(
    'refuses that policy passes the maker on: %s',
    line => {
      expect(said('src/core/policy/decide.ts', line)).toEqual(['issuePermit is not passed on'])
    },
  )
})

describe('the size rule', () => {
  const measure = (files: Record<string, string>) => {
    const root = plant(files)
    return measureSize(root, readSources(root))
  }

  it('counts code lines: no blank line, none that begins as a comment', () => {
    expect(count('// a\n\nconst a = 1 // b\n/** c\n * d\n */\n  const b = 2\n')).toBe(2)
    expect(count('-- why\ncreate table a (\n  -- which\n  b int -- what\n);\n')).toBe(3)
  })

  it('sums chapters into core and server, without tests, and leaves the engine apart', () => {
    const { rows, breaches } = measure({
      'src/core/base/ids.ts': 'export const a = 1\nexport const b = 2\n',
      'src/core/base/ids.test.ts': 'export const c = 3\n',
      'src/core/store/migrations/1.sql': 'create table a ();\n',
      'src/core/policy/engine/run.ts': 'export const d = 4\n',
      'src/main.ts': 'export const e = 5\n',
    })
    const lines = Object.fromEntries(rows.map(row => [row.name, row.lines]))
    expect(lines).toMatchObject({ 'src/core/base': 2, 'src/core/store': 1, 'src/core/policy': 0 })
    expect(lines).toMatchObject({ core: 2, 'policy engine': 1, server: 5 })
    expect(breaches).toEqual([])
  })

  it('refuses a sum over its limit, and only marks a chapter over its guide', () => {
    const files: Record<string, string> = {}
    for (let n = 0; n < 23; n++) {
      files[`src/core/base/part-${n}.ts`] = 'export const a = 1\n'.repeat(n === 22 ? 201 : 400)
    }
    const report = measure(files)
    expect(report.breaches).toEqual([
      { file: 'core', line: 0, text: '9001 code lines, the limit is 9000' },
    ])
    const printed = printSize(report)
    expect(printed).toMatch(/src\/core\/base +23 +9001 +450 {2}over/)
    expect(printed).toMatch(/core +23 +9001 +9000 {2}TOO LONG/)
  })

  it('refuses a file of more than 400 lines, unless it is generated or a test', () => {
    const long = 'export const a = 1\n'.repeat(401)
    const { breaches } = measure({
      'src/core/base/long.ts': long,
      'src/core/base/long.test.ts': long,
      'src/core/base/long.generated.ts': long,
      'src/core/base/full.ts': 'export const a = 1\n'.repeat(400),
    })
    expect(breaches.map(one => one.file)).toEqual(['src/core/base/long.ts'])
  })

  it('refuses `any`', () => {
    const { breaches } = measure({ 'src/core/base/a.ts': 'export const a: any = 1\n' })
    expect(breaches).toHaveLength(1)
  })

  it('warns of a function of more than 70 lines, by name', () => {
    const text = `export function goOn() {\n${'  goOn()\n'.repeat(69)}}\n`
    const report = measure({ 'src/core/base/a.ts': text })
    expect(report.breaches).toEqual([])
    expect(report.warnings[0]?.text).toContain('goOn has 71 lines')
  })
})

describe('the rules for pages', () => {
  const tree = { ...BASE, ...LEASE }
  const said = (page: string) =>
    checkArchitecture(plant({ ...tree, 'ARCHITECTURE.md': page })).map(one => one.text)

  it('fail where the page is not there', () => {
    expect(checkArchitecture(plant(tree))[0]?.text).toContain('is missing')
    expect(checkDependencies(plant(tree))[0]?.text).toContain('is missing')
  })

  it('want each chapter of the tree in ARCHITECTURE.md, in reading order, and no other path', () => {
    expect(said('`src/core/base/` then `src/core/lease/`')).toEqual([])
    expect(said('`src/core/base/`')).toEqual(['chapter `src/core/lease/` is not named'])
    expect(said('`src/core/lease/` `src/core/base/`')[0]).toContain('too early')
    expect(said('`src/core/base/` `src/core/lease/` `src/core/task/`')).toEqual([
      '`src/core/task/` is not there',
    ])
  })

  it('want a line for each direct dependency of each part, and none for a former one', () => {
    const parts = {
      'package.json': '{"dependencies":{"pg":"1"},"optionalDependencies":{"node-x":"1"}}',
      'cli/package.json': '{"dependencies":{"commander":"1"}}',
    }
    const page = '| `pg` | why |\n| `node-x` | why |\n| `commander` | why |\n'
    const check = (text: string) =>
      checkDependencies(plant({ ...parts, 'docs/dependencies.md': text })).map(one => one.text)
    expect(check(page)).toEqual([])
    expect(check(page.replace('| `commander` | why |\n', ''))).toEqual(['`commander` has no line'])
    expect(check(`${page}| \`left-pad\` | why |\n`)).toEqual([
      '`left-pad` is no direct dependency any more',
    ])
  })
})
