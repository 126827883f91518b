/** A connector's inventory, page after page, into the sink; what broke off is tried again. */
import { isProblem } from '../../src/core/base/problem.ts'
import type { InventoryPage } from '../../src/core/target/target.ts'
import type { Going } from './outgoing.ts'
import type { Sink, Source, Unseen } from './source.ts'
import { thingOf } from './thing.ts'

const most = { tries: 4, restMs: 2_000, pages: 1_000_000 }

interface Reading {
  readonly going: Pick<Going, 'sleep'>
  readonly sink: Sink
  readonly signal: AbortSignal
}

type Page = (cursor: string | null) => Promise<InventoryPage>
interface Opened {
  readonly page: Page
  /** What this system shows nobody, beside what its inventory says. */
  readonly hidden?: Unseen
  readonly close?: () => Promise<void>
}

/** A source that is one connector's inventory, opened anew where it is read. */
export function sourceOf(
  name: string,
  going: Going,
  open: (signal: AbortSignal) => Opened | Promise<Opened>,
): Source {
  return {
    name,
    async read(sink, signal) {
      const { page, hidden, close } = await open(signal)
      try {
        await readPages(name, page, { going, sink, signal })
        if (hidden !== undefined) sink.unseen(hidden)
      } finally {
        await close?.()
      }
    },
  }
}

/** Throws `Problem` when a page did not come after several tries. */
export async function readPages(
  system: string,
  page: Page,
  { going, sink, signal }: Reading,
): Promise<void> {
  let cursor: string | null = null
  for (let pages = 0; pages < most.pages; pages++) {
    const { found, unseen = [], next } = await again(() => page(cursor), going, signal)
    for (const each of found) {
      const thing = thingOf(system, each)
      if (thing === undefined) continue
      sink.thing(thing)
      if (thing.group === 'person') sink.facts.people.get(system)?.add(thing.name.toLowerCase())
    }
    for (const each of unseen) sink.unseen(each)
    sink.page()
    if (next === null) return
    cursor = next
  }
}

/** `ask` until it is answered, a few times. */
export async function again<T>(
  ask: () => Promise<T>,
  { sleep }: Pick<Going, 'sleep'>,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries++)
    try {
      return await ask()
    } catch (thrown) {
      const isPassing = isProblem(thrown, 'target-unavailable') && !signal.aborted
      if (!isPassing || tries === most.tries) throw thrown
      await sleep(tries * most.restMs, signal)
    }
}
