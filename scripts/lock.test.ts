// What an installation may bring in: pinned, complete on every platform, running nothing of its own.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'

type Entry = {
  version?: string
  resolved?: string
  integrity?: string
  link?: boolean
  optional?: boolean
  os?: string[] | string
  hasInstallScript?: boolean
}
type Manifest = Record<string, unknown> & { allowScripts?: Record<string, boolean> }

const root = dirname(import.meta.dirname)
const script = join(import.meta.dirname, 'lock.mjs')
const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8')
const packages = (JSON.parse(lockText) as { packages: Record<string, Entry> }).packages
const installed = Object.entries(packages).filter(([path, { link }]) => {
  return path.startsWith('node_modules/') && !link
})
const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 13)
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest

it('the lock file lacks no platform, or npm ci would refuse everywhere', () => {
  const { status, stdout } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

it('a lock file without its platform packages is noticed, and completed by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-lock-'))
  try {
    const optionalDependencies = {
      '@tool/linux-arm64-musl': '1.2.3',
      '@tool/windows-x64': '1.2.3',
      '@tool/here': '1.2.3',
    }
    const before = {
      '': {},
      'node_modules/tool': { version: '1.2.3', dev: true, optionalDependencies },
      'node_modules/tool/node_modules/@tool/here': { version: '1.2.3' },
    }
    const file = join(folder, 'package-lock.json')
    writeFileSync(file, JSON.stringify({ lockfileVersion: 3, packages: before }))
    expect(spawnSync(process.execPath, [script, '--check', folder]).status).toBe(1)
    execFileSync(process.execPath, [script, folder])
    const after = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> }
    const musl = { os: ['linux'], cpu: ['arm64'], libc: ['musl'] }
    const common = { version: '1.2.3', dev: true, optional: true }
    expect(after.packages).toEqual({
      ...before,
      'node_modules/@tool/linux-arm64-musl': { ...common, ...musl },
      'node_modules/@tool/windows-x64': { ...common, os: ['win32'], cpu: ['x64'] },
    })
    expect(spawnSync(process.execPath, [script, '--check', folder]).status).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

it('no package runs a script of its own when it is installed', () => {
  const allowed = read('package.json').allowScripts ?? {}
  const running = installed.filter(([path, { hasInstallScript }]) => {
    return hasInstallScript && allowed[nameOf(path)] !== false
  })
  expect(running.map(([path]) => path)).toEqual([])
  expect(Object.values(allowed)).not.toContain(true)
})

it('the lock file names no registry: the same file serves every mirror', () => {
  const named = installed.filter(([, { resolved }]) => resolved !== undefined)
  expect(named.map(([path]) => path)).toEqual([])
  expect(lockText).not.toMatch(/registry\.|\.npmrc|_authToken/)
})

it('what can be installed here is held to its hash', () => {
  const loose = installed.filter(([, { integrity }]) => integrity === undefined)
  const here = loose.filter(([, { optional, os }]) => !optional || os === undefined)
  expect(here.map(([path]) => path)).toEqual([])
})

const workspaces = read('package.json')['workspaces'] as string[]
const manifests = ['package.json', ...workspaces.map(folder => `${folder}/package.json`)]
it.each(manifests)('each version in %s is exact', path => {
  const manifest = read(path)
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']
  const wanted = kinds.flatMap(kind => Object.entries(manifest[kind] ?? {}))
  const loose = wanted.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))
  expect(loose).toEqual([])
})
