/**
 * Tells people and systems outside what concerns them. What happened is taken from the log into the outbox,
 * in one transaction with where the log was read to, so that nothing is lost or put there twice; from there
 * each channel tells it until it is taken, by the same id. Whom it concerns and in what words is of `channels/`.
 */
import { systemId } from '../../core/base/ids.ts'
import { product } from '../../core/base/product.ts'
import { addMs } from '../../core/base/time.ts'
import { raiseIn, resolveIn } from '../../core/finding/raise.ts'
import { findingTable } from '../../core/finding/rows.ts'
import type { FactTable } from '../../core/ledger/fact-table.ts'
import { entryKind } from '../../core/ledger/kind.ts'
import { type LedgerWorld, recorded } from '../../core/ledger/record.ts'
import type { Carrier, View } from './notice.ts'
import * as rows from './rows.ts'

const channelSeen = entryKind('channel.see', 'saw whether a channel tells people')
/** Tellings that one channel may have waiting; how long one may take, and all of a pass. */
const [mostWaiting, tellMs, passMs] = [5_000, 10_000, 15_000]
/** What happened longer ago is news to nobody. A message is known, to be said anew, for longer. */
const [newsMs, keptMs] = [24 * 3_600_000, 30 * 24 * 3_600_000]

export type NotifyWorld = LedgerWorld & { carrier: Carrier; log: (line: Line) => void }
type Line = Readonly<Record<string, unknown>>

/** One pass. A channel that hangs holds up no other. */
export async function notify(world: NotifyWorld): Promise<void> {
  const { channels } = world.carrier
  if (channels.length === 0) return
  const view = viewOf(world)
  const full = await takeUp(world, view)
  for (const each of full) await report(world, each, 'has too much waiting')
  await Promise.all(channels.map(each => tellAll(world, view, each, full.includes(each))))
}

function viewOf({ replica }: NotifyWorld): View {
  return {
    find: (name, id) => replica.get({ name } as FactTable<never>, id),
    all: name => replica.all({ name } as FactTable<never>),
  }
}

/** Answers which channels had no room for more. */
function takeUp({ store, clock, carrier }: NotifyWorld, view: View): Promise<string[]> {
  return store.transact(async tx => {
    const now = clock.now()
    const oldest = addMs(now, -newsMs)
    const { position, since, size } = await rows.takePosition(tx, now, oldest)
    const news = await rows.readNews(tx, position, oldest)
    const said = news.flatMap(({ images, ...entry }) =>
      images.flatMap(image => carrier.tellingsOf({ ...entry, ...image }, view)),
    )
    const near = view.all('app').flatMap(app => carrier.warningsOf(app, since, now))
    const full = await rows.put(tx, [...said, ...near], mostWaiting)
    await rows.forget(tx, addMs(now, -keptMs))
    const last = news.length === rows.newsAtOnce ? news.at(-1) : undefined
    await rows.movePosition(tx, last === undefined ? size : last.position + 1, now)
    return full
  })
}

/** Until nothing is due or one fails: who does not answer is asked again later. */
async function tellAll(world: NotifyWorld, view: View, channel: string, isFull: boolean) {
  const { store, clock, carrier, log } = world
  for (const endMs = clock.monotonicMs() + passMs; clock.monotonicMs() < endMs; ) {
    const now = clock.now()
    const due = await rows.claim(store, channel, now, addMs(now, 2 * passMs))
    if (due === undefined) return
    try {
      const message = await tell(world, view, due)
      await rows.setTold(store, due.nth, message)
      if (message !== null && !isFull) await report(world, channel, null)
    } catch (thrown) {
      const failed = thrown instanceof Error ? thrown.message : typeof thrown
      log({ notify: channel, tries: due.tries, failed })
      const again = carrier.nextTry(due.tries, now)
      await rows.setFailed(store, due.nth, again)
      return again === null ? report(world, channel, 'has not answered for a day') : undefined
    }
  }
}

/** Nobody who left is told anything. */
async function tell({ store, carrier }: NotifyWorld, view: View, due: rows.Due) {
  const { personId, facts, about } = due
  const people = await rows.readPeople(store, [personId, ...Object.values(facts).map(String)])
  const to = people.find(each => each.id === personId)
  if (personId !== '' && to?.state !== 'living') return null
  const said = await rows.readWords(store, about)
  return carrier.tell({ ...due, said, people, to }, view, AbortSignal.timeout(tellMs))
}

/** A person is told once that a channel is silent, by all others, and that it answers again. */
async function report(world: NotifyWorld, about: string, because: string | null): Promise<void> {
  const isSaid = world.replica.by(findingTable, 'about', about).length > 0
  if (isSaid === (because !== null)) return
  const kind = 'channel-silent'
  const words = `The channel ${about} ${because}. What happened is in the log: ${product.command} log. Mend it: docs/how-to/get-notified.md`
  await recorded(world, async scope => {
    if (because === null) await resolveIn(scope, kind, about)
    else await raiseIn(scope, { kind, severity: 'high', about, words })
    scope.entry({ kind: channelSeen, by: systemId('schedule'), facts: { channel: about } })
  })
}
