/** All channels together: what goes by which, when it is tried again, and the words it is told in. */
import { addMs } from '../../src/core/base/time.ts'
import type { Carrier, Telling } from '../../src/life/notify/notice.ts'
import type { Channel } from './channel.ts'
import { type Concern, concernOf, isOver, warningOf } from './concerns.ts'
import { messageOf } from './say.ts'

/** After each try that failed but the last: eight within a day. */
const againMs = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 54_000_000]

/** `home`: the address that the pages have. */
export function makeCarrier(channels: readonly Channel[], home: string): Carrier {
  const byName = new Map(channels.map(channel => [channel.name, channel]))
  const spread = (concern: Concern | undefined) =>
    concern === undefined ? [] : channels.flatMap(channel => tellingsBy(channel, concern))
  return {
    channels: [...byName.keys()],
    tellingsOf: (happened, view) => spread(concernOf(happened, view)),
    warningsOf: (app, from, to) => spread(warningOf(app, from, to)),
    nextTry: (tries, now) => {
      const ms = againMs[tries - 1]
      return ms === undefined ? null : addMs(now, ms)
    },
    tell: async (notice, view, signal) => {
      const channel = byName.get(notice.channel)
      if (channel === undefined) return null
      // A program is told of all that was; people of what is.
      const isStale = notice.quiet ? notice.before === null : isOver(notice, view)
      if (channel.reaches !== 'feed' && isStale) return null
      return channel.tell(messageOf(notice, view, home), signal)
    },
  }
}

/** INVARIANT: a person is told what concerns them and nothing else. That a channel is silent goes by all others. */
function tellingsBy(channel: Channel, { to, also, ...concern }: Concern): Telling[] {
  const { name, kinds, reaches, updates } = channel
  const isChosen = kinds.includes(concern.kind)
  if (!isChosen || concern.facts['thing'] === name) return []
  const all = { ...concern, channel: name, quiet: false }
  if (reaches === 'feed') return [{ ...all, personId: '', dueAt: concern.at }]
  const place = { ...all, personId: '', quiet: also.length > 0 }
  const people = to.map(personId => ({ ...all, personId }))
  const again = also.map(personId => ({ ...all, personId, quiet: true }))
  return [
    ...(reaches === 'people-and-place' && (updates || !place.quiet) ? [place] : []),
    ...people,
    ...(updates ? again : []),
  ]
}
