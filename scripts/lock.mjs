// Completes package-lock.json with the platform packages a registry did not offer.
//
// Why: some libraries come as one optional package per platform. Where the registry in use lacks
// some of them, `npm install` leaves them out of the lock file without a word, and from then on
// `npm ci` refuses on every machine ("Missing: … from lock file"). An entry that says for which
// platform a package is makes the file whole again; npm passes over entries of other platforms.
//
// Use: after each `npm install`: `node scripts/lock.mjs`. With --check it changes nothing and
// exits 1 where something is missing. Not for repairing versions: those are npm's to resolve.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SYSTEMS = 'aix android darwin freebsd linux netbsd openbsd openharmony win32 windows'.split(
  ' ',
)
const CPUS = 'arm arm64 ia32 loong64 ppc64 riscv64 s390x x64'.split(' ')
const LIBC = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }

const isCheck = process.argv.includes('--check')
const folder = process.argv.slice(2).find(word => word !== '--check')
const root = folder ?? dirname(dirname(fileURLToPath(import.meta.url)))
const file = join(root, 'package-lock.json')
complete()

function complete() {
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const missing = findMissing(lock.packages)
  for (const gap of missing) console.log(`missing: ${gap.name}@${gap.version} (for ${gap.parent})`)
  if (isCheck) {
    process.exitCode = missing.length > 0 ? 1 : 0
    if (missing.length > 0) console.log('Next: node scripts/lock.mjs')
    return
  }
  if (missing.length === 0) return
  for (const gap of missing) lock.packages[`node_modules/${gap.name}`] = entryFor(gap)
  lock.packages = sortedByPath(lock.packages)
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`completed package-lock.json with ${missing.length} platform packages`)
}

function findMissing(packages) {
  const missing = []
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isResolved(packages, path, name)) continue
      missing.push({ name, version, parent: path || 'the project itself', dev: entry.dev === true })
    }
  }
  return missing
}

/** As Node looks: beside the package, then in each folder above it. */
function isResolved(packages, path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at ? `${at}/` : ''}node_modules/${name}`]) return true
    if (at === '') return false
  }
}

/** The platform is read from the name: that is all there is of a package nobody could fetch. */
function entryFor({ name, version, dev }) {
  const words = name.split('/').at(-1).split('-')
  const os = words.find(word => SYSTEMS.includes(word))
  const cpu = words.find(word => CPUS.includes(word))
  const libc = os === 'linux' ? words.map(word => LIBC[word]).find(Boolean) : undefined
  if (!os || !cpu || !/^\d+\.\d+\.\d+/.test(version)) {
    throw new Error(`can not tell the platform of ${name}@${version}: add its entry by hand`)
  }
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev: true } : {}),
    ...(libc ? { libc: [libc] } : {}),
    optional: true,
    os: [os === 'windows' ? 'win32' : os],
  }
}

function sortedByPath(packages) {
  const byPath = ([a], [b]) => a.localeCompare(b, 'en')
  return Object.fromEntries(Object.entries(packages).sort(byPath))
}
