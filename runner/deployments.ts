/**
 * What is deployed here: of each app one version that answers, for as long as the server says. A newer one
 * answers before the older stops; what is over is taken away whole. INVARIANT: nothing runs that the server did
 * not sign a warrant for, byte for byte.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Key } from '../cli/src/dpop.ts'
import { bounds } from './bounds.ts'
import { unpack } from './bundle.ts'
import { readWarrant, type Warrant } from './key.ts'
import { Refusal } from './refusal.ts'
import { startVersion, type Version } from './version.ts'
import { openWay, type Way } from './way.ts'

type Log = (line: object) => void
export type Settings = Readonly<{ server: string; home: string; key: Key; log: Log }>

type Deployment = Readonly<{ warrant: Warrant; version: Version; way: Way }>

export class Deployments {
  readonly #settings: Settings
  readonly #apps: string
  readonly #running = new Map<string, Deployment>()
  readonly #busy = new Set<string>()
  readonly #keptOf = (slug: string) => join(this.#apps, slug, 'warrant.json')
  readonly #folderOf = ({ slug, digest }: Warrant) => join(this.#apps, slug, digest)

  constructor(settings: Settings) {
    this.#settings = settings
    this.#apps = join(settings.home, 'apps')
    mkdirSync(this.#apps, { recursive: true, mode: 0o700 })
  }

  /** What answered when the runner ended answers again; what is over meanwhile is taken away. */
  resume(): void {
    for (const slug of readdirSync(this.#apps)) void this.#resume(slug)
  }

  /** What the warrant names, and nothing else: refused before a byte is read, where it can be. */
  async take(slug: string, text: string, read: () => Promise<Buffer>): Promise<Warrant> {
    const warrant = await readWarrant(this.#settings.server, text, slug)
    const before = this.#keptFor(slug)
    const isUp = this.#running.get(slug)?.warrant.digest === warrant.digest
    if (before !== undefined && isUp) return before
    if ((before?.at ?? 0) > warrant.at)
      throw new Refusal(409, 'A newer version answers already. To have this one, ship it again.')
    if (this.#busy.has(slug) || this.#busy.size >= bounds.uploads)
      throw new Refusal(429, 'Another bundle is on its way. Try again.')
    if (before === undefined && this.#running.size >= bounds.apps)
      throw new Refusal(429, `This runner has ${bounds.apps} apps.`)
    this.#busy.add(slug)
    const folder = this.#folderOf(warrant)
    try {
      const bundle = await read()
      if (createHash('sha256').update(bundle).digest('hex') !== warrant.digest)
        throw new Refusal(422, 'This bundle is another than the one that was shipped.')
      // Left by a runner that ended on the way.
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(join(this.#apps, slug), { recursive: true, mode: 0o700 })
      unpack(bundle, folder)
      await this.#answer(warrant)
      return warrant
    } catch (thrown) {
      rmSync(folder, { recursive: true, force: true })
      if (before === undefined) this.#remove(slug)
      throw thrown
    } finally {
      this.#busy.delete(slug)
    }
  }

  /** As if the machine stopped: what is deployed stays, to be resumed. */
  async stop(): Promise<void> {
    const all = [...this.#running.values()]
    this.#running.clear()
    const stopped = all.map(({ way, version }) => [way.close(0), version.stop()])
    await Promise.all(stopped.flat())
  }

  /** The newer one first: from here on it is what new requests come to. */
  async #answer(warrant: Warrant): Promise<void> {
    const { server, key, log } = this.#settings
    const { slug, address, commit } = warrant
    const told = (says: string) => log({ app: slug, digest: warrant.digest.slice(0, 12), says })
    const env = { LEASEHOLD_ADDRESS: address, LEASEHOLD_SERVER: server, LEASEHOLD_COMMIT: commit }
    const data = join(this.#apps, slug, 'data')
    const version = await startVersion({ folder: this.#folderOf(warrant), data, env, told })
    const over = () => void this.#end(slug, version)
    const dial = { server, key, warrant, port: version.port, over, told }
    const way = await openWay(dial).catch(async (thrown: unknown) => {
      await version.stop()
      throw thrown
    })
    const before = this.#running.get(slug)
    this.#running.set(slug, { warrant, version, way })
    writeFileSync(this.#keptOf(slug), JSON.stringify(warrant), { mode: 0o600 })
    told('it answers')
    if (before !== undefined) void this.#follow(before)
  }

  async #follow({ warrant, version, way }: Deployment) {
    await way.close(bounds.drainMs)
    await version.stop()
    rmSync(this.#folderOf(warrant), { recursive: true, force: true })
  }

  async #end(slug: string, version: Version): Promise<void> {
    const one = this.#running.get(slug)
    if (one?.version !== version) return
    this.#running.delete(slug)
    await Promise.all([one.way.close(0), version.stop()])
    this.#remove(slug)
  }

  #remove(slug: string): void {
    rmSync(join(this.#apps, slug), { recursive: true, force: true })
    this.#settings.log({ app: slug, says: 'nothing of it is here any more' })
  }

  async #resume(slug: string): Promise<void> {
    const warrant = this.#keptFor(slug)
    // Half of what never answered.
    if (warrant === undefined) return this.#remove(slug)
    try {
      if (!this.#running.has(slug)) await this.#answer(warrant)
    } catch (thrown) {
      const { status, message } = thrown as Refusal
      if (status === 410) return this.#remove(slug)
      this.#settings.log({ app: slug, says: message })
      const ms = status === 503 ? bounds.againMs.broken : bounds.againMs.refused
      setTimeout(() => void this.#resume(slug), ms).unref()
    }
  }

  /** What answers, or did when the runner ended. */
  #keptFor(slug: string): Warrant | undefined {
    const file = this.#keptOf(slug)
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Warrant) : undefined
  }
}
