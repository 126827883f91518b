/**
 * What others wrote to test with, in packages of their own below this folder: a clone does without until
 * a suite that needs one is run.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const installMs = 300_000
const maxSaid = 4_000

/** Once for each pin: one of another version is replaced. Runs no package's own script. `name` as in its lock. */
export async function installIn(folder: string, name: string): Promise<void> {
  const wanted = versionsIn(join(folder, 'package-lock.json'))
  const found = versionsIn(join(folder, 'node_modules', '.package-lock.json'))
  const key = name.replaceAll('\\', '/')
  if (found.get(key) !== undefined && found.get(key) === wanted.get(key)) return
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const child = spawn('npm', args, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installMs,
    killSignal: 'SIGKILL',
    shell: process.platform === 'win32',
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-maxSaid)
    })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the suite could not be installed: ${said}`)
}

function versionsIn(file: string): Map<string, string | undefined> {
  if (!existsSync(file)) return new Map()
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as {
    packages: Readonly<Record<string, { readonly version?: string }>>
  }
  return new Map(Object.entries(packages).map(([path, { version }]) => [path, version]))
}
