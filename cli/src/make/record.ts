/**
 * What `new` made in one folder, step by step, so that a crash anywhere goes on where it stopped and `end` can say what
 * stays. INVARIANT: nothing is written outside the folder, nothing that somebody changed is written over, and no
 * credential is in it.
 */
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { usage } from '../problem.ts'
import type { TemplateFile } from './template.ts'

export interface Made {
  readonly purpose: string
  readonly app: string
  readonly template: string
  readonly version: string
  readonly digest: string
  readonly beganAt: string
  /** Data it asks for; empty where the sentence names none. */
  readonly resource: string
  readonly steps: readonly Step[]
}
export type Step = 'registered' | 'files' | 'manifest' | 'trust' | 'asked' | 'git'

const folderName = '.leasehold'
const fileName = 'made.json'

/** Undefined where `new` made nothing here. */
export function readMade(folder: string): Made | undefined {
  try {
    return JSON.parse(fs.readFileSync(join(folder, folderName, fileName), 'utf8')) as Made
  } catch {
    return undefined
  }
}

/** Whole or not at all: a crash in between leaves the one before. */
export function writeMade(folder: string, made: Made): void {
  fs.mkdirSync(join(folder, folderName), { recursive: true })
  const file = join(folder, folderName, fileName)
  fs.writeFileSync(`${file}.new`, `${JSON.stringify(made, null, 2)}\n`)
  fs.renameSync(`${file}.new`, file)
}

/** An empty folder, made where there is none. Anything in it is somebody's: then it is refused. */
export function claimFolder(folder: string): void {
  const made = fs.mkdirSync(folder, { recursive: true, mode: 0o755 })
  const inside = made === undefined ? fs.readdirSync(folder) : []
  const what = `The folder ${folder} is not empty (${inside[0]}): nothing of yours is written over.`
  if (inside.length > 0) throw usage(what, 'Say --name other-name, or another --cwd.')
}

/** Takes back what `claimFolder` and `writeMade` made, where nothing came of it. */
export function unclaimFolder(folder: string): void {
  fs.rmSync(join(folder, folderName), { recursive: true, force: true })
  try {
    fs.rmdirSync(folder)
  } catch {
    // Not empty: then it is not ours to remove.
  }
}

export function writeFiles(folder: string, files: readonly TemplateFile[]): void {
  const home = fs.realpathSync(folder)
  for (const { path, text } of files) {
    const at = join(home, path)
    fs.mkdirSync(dirname(at), { recursive: true, mode: 0o755 })
    const isInside = `${fs.realpathSync(dirname(at))}/`.startsWith(`${home}/`)
    if (!isInside) throw usage(`${path} leads out of ${folder}.`, 'Remove the link there.')
    // There already: from before a crash, or as somebody has changed it since.
    if (!fs.existsSync(at)) fs.writeFileSync(at, text, { flag: 'wx', mode: 0o644 })
  }
}
