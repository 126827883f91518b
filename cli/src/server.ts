/**
 * Which server, and what we remember about it: the root key's fingerprint from the first sign-in,
 * the last checkpoint of its log, and the session. INVARIANT: a profile belongs to one origin.
 */
import { dirname, join, resolve } from 'node:path'
import type { DemoHint } from './demo-control.ts'
import type { Key } from './dpop.ts'
import { configFolder, readPrivate, withLock, writePrivate } from './files.ts'
import type { Host } from './host.ts'
import { failed, usage } from './problem.ts'

/** `accessEndsAt` in milliseconds since 1970. */
export type Session = {
  accessToken: string
  accessEndsAt: number
  refreshToken: string
  /** What both are bound to. */
  key?: Key | undefined
}

export interface Profile {
  readonly url: string
  /** SHA-256 of the root key's 32 bytes, hex: seen at the first sign-in, never changed silently. */
  readonly rootFingerprint?: string | undefined
  /** The newest key table seen: an older one is refused. */
  readonly tableSerial?: number | undefined
  /** The last checkpoint of its log, a signed note. */
  readonly checkpoint?: string | undefined
  readonly session?: Session | undefined
  /** Where no person signs in: what the tokens of this machine are good with. */
  readonly machineKey?: Key | undefined
}

/** `file` is its profile; `demo` where the demo of this folder is it: its own token, no sign-in. */
export type Server = { url: URL; file: string; demo?: DemoHint }

/** --server, then LEASEHOLD_SERVER, then the demo of this folder, then this machine. */
export function chooseServer(host: Host, flag: string | undefined): Server {
  const named = flag ?? host.env['LEASEHOLD_SERVER']
  const url = parseOrigin(named ?? 'http://127.0.0.1:4400')
  const demo = findDemo(host)
  if (demo && (named === undefined || demo.url.origin === url.origin)) return demo
  const name = url.origin.replace(/[^a-z0-9.-]+/gi, '_')
  return { url, file: join(configFolder(host.env), 'servers', `${name}.json`) }
}

export function readProfile({ url, file, demo }: Server): Profile {
  const text = readPrivate(file)
  const fresh = { url: url.origin, rootFingerprint: demo?.rootFingerprint }
  if (text === undefined) return fresh
  const known = parseObject(text) as Profile
  // Never taken for a first time: then a changed root key would be believed.
  if (known.url !== url.origin) throw failed(`${file} is damaged.`, 'Remove it, and sign in.')
  // A demo made anew in this folder is another installation: what was remembered was the old one's.
  const isOther = demo?.rootFingerprint && demo.rootFingerprint !== known.rootFingerprint
  return isOther ? fresh : known
}

/** Reads again under the lock, so that two commands at once lose nothing. */
export async function changeProfile(
  server: Server,
  change: (profile: Profile) => Profile | Promise<Profile>,
): Promise<Profile> {
  return withLock(server.file, async () => {
    const profile = await change(readProfile(server))
    writePrivate(server.file, `${JSON.stringify(profile, null, 2)}\n`)
    return profile
  })
}

/** https, or http on this machine; nothing but an origin. */
function parseOrigin(text: string): URL {
  const url = new URL(URL.canParse(text) ? text : 'file:///')
  const isHttp = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  const what = `\`${text}\` is no server: say https://name, or http://127.0.0.1:port here.`
  if (!isHttp || `${url.origin}/` !== url.href) throw usage(what, 'leasehold help all')
  if (url.hostname === 'localhost') url.hostname = '127.0.0.1'
  return url
}

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || /^127(\.\d+){3}$/.test(hostname)
}

/**
 * From this folder upwards, then the clone we run from. ATTACKER: a planted hint has its own token
 * and names this machine only; ours are never sent where it says.
 */
function findDemo({ cwd }: Host): Server | undefined {
  for (const folder of [...above(cwd), resolve(import.meta.dirname, '..', '..')])
    try {
      const demo = parseObject(readPrivate(join(folder, '.leasehold', 'demo.json'))) as DemoHint
      const url = parseOrigin(demo.url)
      const isOurs = isLoopback(url) && isLoopback(parseOrigin(demo.controlUrl))
      if (isOurs) return { url, file: join(folder, '.leasehold', 'cli.json'), demo }
    } catch {
      // One of somebody else, or half written, is none.
    }
  return undefined
}

/** The folder and those around it, nearest first. */
export function above(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...above(parent)]
}

function parseObject(text = ''): object {
  try {
    return Object(JSON.parse(text)) as object
  } catch {
    return {}
  }
}
