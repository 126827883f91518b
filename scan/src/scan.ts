/**
 * One scan: all sources at once, each for itself; what they hand on goes to a file of ours and is judged
 * when all was read. Memory holds a page of each source and what is counted, however much there is.
 */
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isProblem } from '../../src/core/base/problem.ts'
import type { Instant } from '../../src/core/base/time.ts'
import { type Judged, judge } from './judge.ts'
import type { Known } from './known.ts'
import type { Calls, Going } from './outgoing.ts'
import { type Facts, newFacts, type Sink, type Source, type Unseen } from './source.ts'
import { shown, type Thing } from './thing.ts'

const most = { unseen: 500, lineBytes: 64 * 1024 }

export interface Read {
  readonly name: string
  state: 'reading' | 'whole' | 'broken off' | 'not read'
  pages: number
  found: number
  why?: string
  next?: string
}

export interface Scanned {
  readonly startedAt: Instant
  readonly endedAt: Instant
  /** Every source that was named was read to its end. */
  readonly isWhole: boolean
  readonly isStopped: boolean
  readonly sources: readonly Read[]
  readonly unseen: readonly (Unseen & { readonly system: string; readonly times: number })[]
  readonly calls: ReturnType<Calls['list']>
  readonly keptBack: number
  readonly facts: Facts
}

/** What was typed, and the source of it, or why there is none. */
export type Named = { readonly typed: string } & (
  | { readonly source: Source }
  | { readonly problem: unknown }
)

export interface Spool {
  add(thing: Thing): void
  read(): AsyncIterable<Thing>
  remove(): void
}

/** Of this process alone. Where the system lets an open file be removed, nothing is left of a killed one. */
export function openSpool(): Spool {
  const folder = mkdtempSync(join(tmpdir(), 'leasehold-scan-'))
  const path = join(folder, 'things')
  const file = openSync(path, 'wx+', 0o600)
  const clear = () => rmSync(folder, { recursive: true, force: true })
  if (process.platform !== 'win32') clear()
  let waiting = ''
  const flush = () => {
    writeSync(file, waiting)
    waiting = ''
  }
  return {
    add(thing) {
      waiting += `${JSON.stringify(thing)}\n`
      if (waiting.length > most.lineBytes) flush()
    },
    async *read() {
      flush()
      for await (const line of createInterface({
        input: createReadStream(path, { fd: file, start: 0, autoClose: false }),
      }))
        yield JSON.parse(line) as Thing
    },
    remove() {
      closeSync(file)
      clear()
    },
  }
}

export interface Scanning {
  readonly going: Going
  readonly spool: Spool
  readonly signal: AbortSignal
  readonly progress: (sources: readonly Read[]) => void
}

/** Never throws for a source: what could not be read is said, and the others go on. */
export async function scan(named: readonly Named[], scanning: Scanning): Promise<Scanned> {
  const { going, signal, progress } = scanning
  const startedAt = going.clock.now()
  const facts = newFacts()
  const unseen = new Map<string, Unseen & { system: string; times: number }>()
  const sources: Read[] = []
  const readOne = async (one: Named) => {
    const name = 'source' in one ? one.source.name : one.typed
    const read: Read = { name, state: 'reading', pages: 0, found: 0 }
    sources.push(read)
    try {
      if ('problem' in one) throw one.problem
      await one.source.read(sinkOf(read, { ...scanning, facts, unseen, sources }), signal)
      read.state = 'whole'
    } catch (thrown) {
      read.state = read.pages === 0 ? 'not read' : 'broken off'
      Object.assign(read, reasonOf(thrown, signal))
      // Of a list that was not read to its end nobody is missing.
      facts.people.delete(name)
    }
    progress(sources)
  }
  await Promise.all(named.map(readOne))
  return {
    startedAt,
    endedAt: going.clock.now(),
    isWhole: sources.every(({ state }) => state === 'whole'),
    isStopped: signal.aborted,
    sources,
    unseen: [...unseen.values()].toSorted((a, b) => a.system.localeCompare(b.system)),
    calls: going.calls.list(),
    keptBack: going.calls.keptBack,
    facts,
  }
}

/** What was found, judged, one after another. */
export async function* judged(
  spool: Spool,
  { facts, endedAt: now }: Scanned,
  known: Known,
): AsyncIterable<Judged> {
  for await (const thing of spool.read()) yield judge(thing, { facts, known, now })
}

interface Filling extends Scanning {
  readonly facts: Facts
  readonly unseen: Map<string, Unseen & { system: string; times: number }>
  readonly sources: readonly Read[]
}

function sinkOf(read: Read, { spool, facts, unseen, sources, progress }: Filling): Sink {
  return {
    facts,
    thing(thing) {
      read.found += 1
      spool.add(thing)
    },
    unseen(of) {
      const [what, needs] = [shown(of.what, 300), shown(of.needs, 300)]
      const key = `${read.name}\n${what}\n${needs}`
      const before = unseen.get(key)
      if (before === undefined && unseen.size >= most.unseen) return
      unseen.set(key, { system: read.name, what, needs, times: (before?.times ?? 0) + 1 })
    },
    page() {
      read.pages += 1
      progress(sources)
    },
  }
}

/** ATTACKER: a driver's own words may hold an address or a password. Only ours are told. */
function reasonOf(thrown: unknown, signal: AbortSignal): { why: string; next: string } {
  if (signal.aborted) return { why: 'Stopped before its end.', next: 'Run it again.' }
  if (!isProblem(thrown)) return { why: 'It broke off.', next: 'Run it again.' }
  return { why: thrown.detail, next: thrown.next ?? 'Run it again.' }
}
