/** How far a scan is, on stderr: one line that changes at a terminal, a line now and then elsewhere. */
import { type Instant, toMs } from '../../src/core/base/time.ts'
import type { Read } from './scan.ts'

export interface Screen {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

const everyMs = { terminal: 200, elsewhere: 15_000 }

export function openProgress(screen: Screen, clock: { now(): Instant }) {
  const isTerminal = screen.isTTY === true
  let [shownMs, ended] = [0, 0]
  // A line that wraps could not be written over.
  const fit = (text: string) => text.slice(0, (screen.columns ?? 80) - 1)
  const line = (text: string) => screen.write(isTerminal ? `\r\x1b[K${fit(text)}` : `${text}\n`)
  return {
    progress: (sources: readonly Read[]) => {
      const nowMs = toMs(clock.now())
      const over = sources.filter(({ state }) => state !== 'reading')
      const isNews = over.length > ended
      if (!isNews && nowMs - shownMs < everyMs[isTerminal ? 'terminal' : 'elsewhere']) return
      ;[shownMs, ended] = [nowMs, over.length]
      const parts = sources.map(
        ({ name, state, pages, found }) =>
          `${name}: ${pages} answers, ${found} found${state === 'reading' ? '' : ` (${state})`}`,
      )
      line(parts.join(' · '))
    },
    waiting: (system: string, until: Instant) => {
      const at = new Date(toMs(until)).toTimeString().slice(0, 5)
      line(`${system} lets us go on at ${at}. Ctrl-C ends it with what was seen so far.`)
    },
    end: () => {
      if (isTerminal) screen.write('\r\x1b[K')
    },
  }
}
