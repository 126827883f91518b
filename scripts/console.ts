// Builds the console into console/dist, which the server serves. With `--stale` only where what it is
// made of differs from what the last build was made of; then this takes a few milliseconds.
//
// INVARIANT: nothing on stdout: it runs before commands whose output is read by programs.
// INVARIANT: console/dist is whole or not there: it is built beside, and then moved into its place.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { InlineConfig } from 'vite'

const root = dirname(import.meta.dirname)
const folder = join(root, 'console')
const dist = join(folder, 'dist')
const stamp = 'made-of.txt'

/** Plain files: our policy lets no script stand inside a page, and no `data:` address through. */
const settings: InlineConfig = {
  configFile: false,
  root: folder,
  logLevel: 'error',
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
  },
}

/**
 * The page on a phone is built by itself, so that it shares no file with the console: what it takes of a
 * module of both is all that is sent.
 */
const answering = {
  emptyOutDir: false,
  rolldownOptions: {
    input: join(folder, 'answer.html'),
    // Of a library nothing is kept for its own sake; of ours, its style is.
    treeshake: { moduleSideEffects: (id: string) => !id.includes('node_modules') },
  },
}

if (!process.argv.includes('--stale') || readStamp() !== hashSources()) await buildConsole()

async function buildConsole(): Promise<void> {
  const madeOf = hashSources()
  // Whoever starts us, under whatever: the pages are built as they are served.
  process.env['NODE_ENV'] = 'production'
  const beside = `${dist}-${process.pid}`
  // Loaded here: most times nothing is stale, and loading them takes longer than to see that.
  const [{ build }, { default: react }] = await Promise.all([
    import('vite'),
    import('@vitejs/plugin-react'),
  ])
  const made = { ...settings.build, outDir: beside }
  await build({ ...settings, plugins: [react()], build: made })
  await build({ ...settings, publicDir: false, build: { ...made, ...answering } })
  writeFileSync(join(beside, stamp), madeOf)
  rmSync(dist, { recursive: true, force: true, maxRetries: 3 })
  try {
    renameSync(beside, dist)
  } catch (thrown) {
    // Another command was first with the same pages.
    rmSync(beside, { recursive: true, force: true, maxRetries: 3 })
    if (readStamp() !== madeOf) throw thrown
  }
}

function readStamp(): string | undefined {
  return existsSync(join(dist, stamp)) ? readFileSync(join(dist, stamp), 'utf8') : undefined
}

function hashSources(): string {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')))
  const names = ['src', 'public'].flatMap(part =>
    readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name)),
  )
  const own = [join(folder, 'index.html'), join(folder, 'answer.html'), import.meta.filename]
  for (const name of [...names, ...own].sort())
    hash.update(name.slice(root.length)).update(readFileSync(name))
  return hash.digest('hex')
}
