// The house: which folders there are, in which order they are read, and who may import whom.
// This list is the rule. ARCHITECTURE.md explains it, the import rule and the size table enforce it.

export type Chapter = { path: string; budget: number }

/** In reading order: a chapter imports only chapters above it. Budgets are code lines, a guide. */
export const CHAPTERS: readonly Chapter[] = [
  { path: 'src/core/base', budget: 450 },
  { path: 'src/core/store', budget: 350 },
  { path: 'src/core/keys', budget: 450 },
  { path: 'src/core/ledger', budget: 900 },
  { path: 'src/core/target', budget: 150 },
  { path: 'src/core/people', budget: 650 },
  { path: 'src/core/approval', budget: 250 },
  { path: 'src/core/finding', budget: 150 },
  { path: 'src/core/app', budget: 550 },
  { path: 'src/core/identity', budget: 750 },
  { path: 'src/core/grant', budget: 500 },
  { path: 'src/core/task', budget: 350 },
  { path: 'src/core/hold', budget: 150 },
  { path: 'src/core/policy', budget: 1300 },
  { path: 'src/core/token', budget: 600 },
  { path: 'src/core/lease', budget: 950 },
  { path: 'src/life/template', budget: 100 },
  { path: 'src/life/audit', budget: 750 },
  { path: 'src/life/lists', budget: 200 },
  { path: 'src/life/ask', budget: 150 },
  { path: 'src/life/outbound', budget: 100 },
  { path: 'src/life/sign-in', budget: 800 },
  { path: 'src/life/token', budget: 180 },
  { path: 'src/life/manifest', budget: 200 },
  { path: 'src/life/why', budget: 600 },
  { path: 'src/life/records', budget: 500 },
  { path: 'src/life/app-rules', budget: 250 },
  { path: 'src/life/offboard', budget: 800 },
  { path: 'src/life/drift', budget: 900 },
  { path: 'src/life/tools', budget: 150 },
  { path: 'src/life/budget', budget: 200 },
  { path: 'src/life/step-up', budget: 150 },
  { path: 'src/life/federation', budget: 180 },
  { path: 'src/life/unused', budget: 80 },
  { path: 'src/life/shelter', budget: 230 },
  { path: 'src/life/discovery', budget: 1600 },
  { path: 'src/life/scaffold', budget: 500 },
  { path: 'src/life/day', budget: 450 },
  { path: 'src/life/trace', budget: 500 },
  { path: 'src/life/notify', budget: 190 },
  { path: 'src/doors/api', budget: 2200 },
  { path: 'src/doors/authzen', budget: 500 },
  { path: 'src/doors/gateway', budget: 2000 },
  { path: 'src/doors/console', budget: 100 },
  { path: 'src/doors/apps', budget: 120 },
]

export const CONNECTORS = 'connectors'
export const CONNECTOR_BUDGET = 220
/** What connectors of systems over HTTP share: the one folder there that another may import. */
const SHARED_CONNECTOR = 'connectors/rest'
/** The one file that lists the connectors; beside it each connector is a folder. */
const REGISTRY = 'connectors/registry.ts'
/** Parts beside the server that it starts, each knowing base alone: where people open apps. */
export const BESIDE = ['front']
/** Beside the server too: what carries notices to people and systems, each a folder. */
export const CHANNELS = 'channels'
const SHARED_CHANNEL = 'channels/common'
const CHANNEL_REGISTRY = 'channels/registry.ts'
/** The port of channels, and all of the chapter that they know. */
const NOTICE = 'src/life/notify/notice.ts'
/** The only files that know everyone, in this order. */
export const ROOT_FILES = [
  'src/settings.json',
  'src/config.ts',
  'src/world.ts',
  'src/schedule.ts',
  'src/main.ts',
]
/** Installed apart from the server; they share its types, never its code. */
export const CLIENTS = ['cli', 'console', 'action', 'runner']
/** They run from the commit they are of, so the command line lies beside them, and is what they use. */
const BY_CLI = ['action', 'runner']
/** Installed apart too: looks with a person's own rights, by the connectors, and needs no server. */
export const SCAN = 'scan'
/** May use everything, are used by nobody in the product. Templates are copied, and run in an app. */
export const AROUND = ['demo', 'test', 'bench', 'scripts', 'templates']
const CONTRACT = 'src/doors/api/contract.ts'
const OPEN_TO_CONNECTORS = ['src/core/base', 'src/core/target']

export type Place =
  | { kind: 'chapter'; path: string; rank: number }
  | { kind: 'connector'; path: string }
  | { kind: 'channel'; path: string }
  | { kind: 'registry'; path: string }
  | { kind: 'root'; path: string; rank: number }
  | { kind: 'client'; path: string }
  | { kind: 'scan'; path: string }
  | { kind: 'beside'; path: string }
  | { kind: 'around'; path: string }
  | { kind: 'nowhere' }

/** Where a file of the repository stands. Paths are relative, with `/`. */
export function placeOf(file: string): Place {
  const rank = CHAPTERS.findIndex(chapter => file.startsWith(`${chapter.path}/`))
  const chapter = CHAPTERS[rank]
  if (chapter) return { kind: 'chapter', path: chapter.path, rank }
  if (file === REGISTRY || file === CHANNEL_REGISTRY) return { kind: 'registry', path: file }
  const connector = /^connectors\/[^/]+(?=\/)/.exec(file)
  if (connector) return { kind: 'connector', path: connector[0] }
  const channel = /^channels\/[^/]+(?=\/)/.exec(file)
  if (channel) return { kind: 'channel', path: channel[0] }
  const last = ROOT_FILES.indexOf(file)
  if (last >= 0) return { kind: 'root', path: file, rank: CHAPTERS.length + last }
  const top = file.split('/')[0] ?? ''
  if (CLIENTS.includes(top)) return { kind: 'client', path: top }
  if (BESIDE.includes(top)) return { kind: 'beside', path: top }
  if (top === SCAN) return { kind: 'scan', path: top }
  if (AROUND.includes(top) || !file.includes('/')) return { kind: 'around', path: top }
  return { kind: 'nowhere' }
}

export function isTest(file: string): boolean {
  return /\.test\.tsx?$/.test(file)
}

/** Why `from` may not import `to`, or undefined where it may. `isType`: erased before it runs. */
export function refuseImport(from: string, to: string, isType: boolean): string | undefined {
  const reader = placeOf(from)
  const read = placeOf(to)
  if (isTest(to)) return 'nothing imports a test'
  if (reader.kind === 'nowhere') return `${from} stands in no chapter (scripts/rules/house.ts)`
  if (read.kind === 'nowhere') return `${to} stands in no chapter (scripts/rules/house.ts)`
  if (reader.kind === 'around' || reader.path === read.path) return undefined
  if (isTest(from)) return refuseToTest(to, read)
  switch (read.kind) {
    case 'around':
      return `the product does not use ${read.path}/`
    case 'client':
    case 'scan':
      if (BY_CLI.includes(reader.path) && read.path === 'cli') return undefined
      return `${read.path}/ is installed apart: nobody imports it`
    case 'beside':
      return from === 'src/main.ts' ? undefined : `only src/main.ts starts ${read.path}/`
    case 'connector':
      if (from === REGISTRY || reader.kind === SCAN || from === 'src/main.ts') return undefined
      if (reader.kind === 'connector' && read.path === SHARED_CONNECTOR) return undefined
      return 'only src/main.ts and the registry know connectors'
    case 'channel':
      if (reader.kind === 'channel' && read.path === SHARED_CHANNEL) return undefined
      return from === CHANNEL_REGISTRY ? undefined : 'only their registry knows channels'
    case 'registry':
      return from === 'src/main.ts' ? undefined : 'only src/main.ts picks connectors and channels'
    case 'root':
    case 'chapter':
      return refuseChapter(reader, to, read, isType)
  }
}

function refuseToTest(to: string, read: Exclude<Place, { kind: 'nowhere' }>): string | undefined {
  if (to.startsWith('src/') || to.startsWith('test/') || read.kind === 'registry') return undefined
  if (read.path === SHARED_CONNECTOR || read.path === SHARED_CHANNEL) return undefined
  return 'a test imports chapters and test/, nothing else'
}

function refuseChapter(
  reader: Exclude<Place, { kind: 'nowhere' }>,
  to: string,
  read: Extract<Place, { kind: 'root' | 'chapter' }>,
  isType: boolean,
): string | undefined {
  switch (reader.kind) {
    case 'client':
      if (to !== CONTRACT) return `${reader.path}/ knows only ${CONTRACT}`
      return isType ? undefined : `${reader.path}/ takes types only: say \`import type\``
    case 'beside':
      if (read.path === 'src/core/base') return undefined
      return `${reader.path}/ knows only core/base`
    case 'channel':
      if (to === NOTICE || read.path === 'src/core/base') return undefined
      return 'a channel knows only core/base and the port of notices'
    case 'scan':
    case 'connector':
    case 'registry':
      if (reader.path === CHANNEL_REGISTRY && to === NOTICE) return undefined
      if (OPEN_TO_CONNECTORS.includes(read.path)) return undefined
      return `a ${reader.kind} knows only core/base and core/target`
    case 'root':
    case 'chapter':
      if (read.path.startsWith('src/doors/') && reader.kind === 'root') {
        const isWorld = isType && reader.path === 'src/world.ts'
        if (isWorld || reader.path === 'src/main.ts') return undefined
        return 'only src/main.ts imports doors'
      }
      return read.rank < reader.rank ? undefined : `${read.path} comes after ${reader.path}`
    case 'around':
      return undefined
  }
}
