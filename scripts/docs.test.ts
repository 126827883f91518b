// Pages that are wrong as soon as they differ from the code: made pages are current, and whatever a
// page names (a link, a file, a command, a setting, a route, an example) is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseArgv } from '../cli/src/program.ts'
import { parseConfig as parseDeclared } from '../connectors/declared/config.ts'
import { parseConfig } from '../connectors/postgres/config.ts'
import { settings } from '../src/config.ts'
import { DefineResource, RotateKey } from '../src/doors/api/inputs.ts'
import { reference } from '../src/doors/api/reference.ts'
import { configurationPage, problemsPage } from './docs.ts'
import { commandsIn, maskVolatile, playTutorial, tutorialPage } from './tutorial.ts'

const root = dirname(import.meta.dirname)
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const pages = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
].sort()
/** Settings of the command line, the demo and the tests, which are not the server's. */
const otherSettings = [
  'LEASEHOLD_SERVER',
  'LEASEHOLD_ID_TOKEN',
  'LEASEHOLD_ID_TOKEN_FILE',
  'LEASEHOLD_VENDOR_API',
  'LEASEHOLD_ADDRESS',
  'LEASEHOLD_COMMIT',
]

describe('the pages', () => {
  it('are all found', () => {
    expect(pages.length).toBeGreaterThan(20)
  })

  it.each(pages)('%s links to what is there', page => {
    const links = [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, to = '']) => to)
    const broken = links.filter(to => !/^https?:/.test(to) && !isThere(page, to))
    expect(broken).toEqual([])
  })

  it.each(pages)('%s names files that are there', page => {
    const tops = 'src|cli|demo|test|bench|scripts|docs|policies|\\.ci'
    const paths = [...read(page).matchAll(RegExp(`\`((?:${tops})/[\\w./-]+)\``, 'g'))]
    const isMade = (path: string) => /^demo\/.*\.(json|pub)$/.test(path)
    const missing = paths.filter(([, path = '']) => !isMade(path) && !existsSync(join(root, path)))
    expect(missing).toEqual([])
  })

  it.each(pages.filter(page => page !== 'docs/tutorial.md'))(
    '%s shows commands as the command line takes them',
    page => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
      for (const [, typed = ''] of read(page).matchAll(/\.\/lh ([^`\n]+)/g)) {
        const words = [...(typed.split(/ {2,}/)[0]?.matchAll(/'[^']*'|"[^"]*"|\S+/g) ?? [])]
        const argv = words.map(([word]) => word.replaceAll(/^['"]|['"]$/g, ''))
        expect(parseArgv(argv)).toHaveProperty('word.name')
      }
      for (const [, name = ''] of read(page).matchAll(/npm run (?:-s )?([\w-]+)/g))
        expect(Object.keys(scripts)).toContain(name)
    },
  )

  it.each(pages)('%s names settings and routes that exist', page => {
    const names: string[] = [...Object.keys(settings), ...otherSettings]
    const said = [...read(page).matchAll(/\bLEASEHOLD_[A-Z_]*[A-Z]\b/g)].map(([name]) => name)
    expect(said.filter(name => !names.includes(name))).toEqual([])
    const routes = Object.keys(reference).map(route => route.replaceAll(/:\w+/g, '*'))
    const called = [...read(page).matchAll(/`((?:GET|POST|PUT) \/v1[^`?]*)/g)]
    const paths = called.map(([, route = '']) => route.replaceAll(/(?<=\/)[A-Z]{2,}\b/g, '*'))
    expect(paths.filter(route => !routes.includes(route))).toEqual([])
  })
})

describe('a page that is made from the code', () => {
  it('of settings is current: node scripts/docs.ts', () =>
    expect(read('docs/configuration.md')).toBe(configurationPage()))

  it('of problems is current: node scripts/docs.ts', () =>
    expect(read('docs/problems.md')).toBe(problemsPage()))
})

describe('an example in a page', () => {
  const block = (page: string, language: string): unknown =>
    JSON.parse(RegExp(`\`\`\`json ${language}\\n([^]*?)\`\`\``).exec(read(page))?.[1] ?? 'null')

  it('of a target and of a resource is what the connector and the API take', () => {
    const page = 'docs/how-to/connect-your-postgresql.md'
    expect(() => parseConfig(block(page, 'config') as never)).not.toThrow()
    expect(DefineResource.safeParse(block(page, 'resource')).error).toBeUndefined()
  })

  it('of a system by its file is what runs, and what the API takes', () => {
    const page = 'docs/how-to/connect-any-system.md'
    const [, system] = /```yaml system\n([^]*?)```/.exec(read(page)) ?? []
    expect(system).toBe(read('connectors/declared/systems/keyring.yaml'))
    const config = { ...(block(page, 'config') as object), credential: 'x', probe: 'x' }
    expect(() => parseDeclared({ ...config, file: system ?? '' })).not.toThrow()
    const { object } = DefineResource.parse(block(page, 'resource'))
    const declared = parseDeclared({ ...config, file: system ?? '', canary: object as never })
    expect(declared.canary).toEqual(object)
  })

  it('of a rotation is what the API takes', () =>
    expect(RotateKey.safeParse(block('docs/how-to/keys.md', 'rotate')).error).toBeUndefined())
})

it('a decision fits on one screen', () => {
  // Their list grows with them.
  const decisions = pages.filter(page => /^docs\/decisions\/(?!README)/.test(page))
  expect(decisions.filter(page => read(page).split('\n').length > 41)).toEqual([])
})

describe('the tutorial', () => {
  it('shows what a run shows now: node scripts/docs.ts tutorial', {
    timeout: 300_000,
  }, async () => {
    const played = await playTutorial()
    expect(commandsIn(played.start)).toHaveLength(5)
    expect(maskVolatile(read('docs/tutorial.md'))).toBe(maskVolatile(tutorialPage(played)))
  })

  it('compares what runs have in common, and nothing less', () => {
    const line = '  use   118 rows   05:13:01.8   asserted by the app  D-J0JEH  sha256 25053612…'
    const other = '  use   9 rows  14:02:09   asserted by the app  D-9XYZ0  sha256 deadbeef…'
    expect(maskVolatile(line)).toBe(maskVolatile(other))
    expect(maskVolatile(line)).not.toBe(maskVolatile(line.replace('asserted', 'proven')))
    expect(maskVolatile('31 log entries, 0 orphans')).toBe(
      maskVolatile('44 log entries, 0 orphans'),
    )
    expect(maskVolatile('0 orphans')).not.toBe(maskVolatile('1 orphans'))
    expect(maskVolatile('✕ refused')).not.toBe(maskVolatile('● accepted'))
  })
})

function isThere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? page : relative(root, join(root, dirname(page), path))
  if (!existsSync(join(root, file))) return false
  return anchor === undefined || anchorsOf(read(file)).includes(anchor)
}

/** Without what is shown in blocks and back-ticks: a link there is text. */
function prose(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '`')
}

/** As GitHub makes them of headings, and those that are written out. */
function anchorsOf(text: string): string[] {
  const headings = [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)]
  const made = headings.map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...made, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]
}
