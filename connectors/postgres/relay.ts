/**
 * Bytes both ways, once both sides are signed in: each as slowly as the other reads, counted, never
 * looked into beyond the head of what the target says, and whether the caller says goodbye.
 *
 * INVARIANT: what reaches the caller is whole messages, or the middle of one large message; so our
 * last word, where there is one, stands between two messages.
 */
import type { Duplex } from 'node:stream'
import { isProblem } from '../../src/core/base/problem.ts'
import type { Passage, Passed } from '../../src/core/target/target.ts'
import { bounds } from './bounds.ts'
import { Frames } from './frames.ts'
import type { Session } from './sign-in.ts'
import { fatal } from './wire.ts'

/** Resolves when both sides are closed. `signal` aborts with the `Problem` the caller is told. */
export async function relay(
  caller: Duplex,
  { target, cancel }: Pick<Session, 'target' | 'cancel'>,
  { signal, take }: Pick<Passage, 'signal' | 'take'>,
): Promise<Passed> {
  const frames = new Frames()
  let [toTarget, toCaller] = [0, 0]
  let endedBy: Passed['endedBy'] | undefined
  const closed = Promise.all([caller, target].map(untilClosed))

  const end = (by: Passed['endedBy'], lastWord?: Buffer, isApart = frames.isBetween) => {
    if (endedBy !== undefined) return
    endedBy = by
    // What still comes is read and forgotten: unread, it would keep the connection open.
    for (const side of [caller, target]) side.removeAllListeners('data').resume()
    caller.end(isApart ? lastWord : undefined)
    if (by === 'us') cancel()
    target.end()
    // Who said goodbye is gone by now; a server still at work for nobody is stopped.
    const late = setTimeout(() => {
      if (by === 'caller' && !target.closed) cancel()
      for (const side of [caller, target]) side.destroy()
    }, bounds.lastWordMs)
    void closed.then(() => clearTimeout(late))
  }

  const cut = () => end('us', fatal('57P01', reasonOf(signal)))
  let isGoodbye = false
  caller.on('data', (chunk: Buffer) => {
    toTarget += chunk.length
    isGoodbye = chunk.subarray(-terminate.length).equals(terminate)
    push(caller, target, chunk)
  })
  const passOn = (whole: Buffer) => {
    toCaller += whole.length
    push(target, caller, whole)
  }
  target.on('data', (chunk: Buffer) => {
    const { isBetween, rows } = frames
    const whole = frames.take(chunk)
    if (whole === undefined) return end('target', brokenOff)
    const turn = take?.({ rows: frames.rows - rows, bytes: whole.length })
    if (turn === undefined) return passOn(whole)
    target.pause()
    turn.then(
      () => {
        if (endedBy !== undefined) return
        target.resume()
        passOn(whole)
      },
      (thrown: unknown) =>
        // What it did not get it is not told: its last word stands where it got something last.
        end('us', isBetween && isProblem(thrown) ? fatal('53400', thrown) : undefined, true),
    )
  })
  caller.on('end', () => end('caller')).on('close', () => end('caller'))
  // Whose last message was a goodbye may be seen to leave after the target has closed upon it.
  const targetGone = () =>
    isGoodbye ? end('caller') : end('target', frames.isTold ? undefined : brokenOff)
  target.on('end', targetGone).on('close', targetGone)
  // What was over before anybody listened is told nobody again.
  if (signal.aborted) cut()
  if (caller.destroyed || caller.readableEnded) end('caller')
  if (target.destroyed || target.readableEnded) targetGone()
  signal.addEventListener('abort', cut, { once: true })
  await closed
  signal.removeEventListener('abort', cut)
  return { toTarget, toCaller, rows: frames.rows, endedBy: endedBy ?? 'caller' }
}

/** Where the other side is full, this one is not read until it is not. */
function push(from: Duplex, to: Duplex, chunk: Buffer): void {
  if (chunk.length === 0 || to.write(chunk)) return
  from.pause()
  to.once('drain', () => from.resume())
}

function untilClosed(side: Duplex): Promise<void> {
  return new Promise(resolve => (side.closed ? resolve() : side.once('close', () => resolve())))
}

function reasonOf({ reason }: AbortSignal) {
  return isProblem(reason) ? reason : { detail: 'This session is over.', next: undefined }
}

/** PostgreSQL protocol 3, Terminate. */
const terminate = Buffer.from('5800000004', 'hex')

const brokenOff = fatal('08006', {
  detail: 'The database broke off.',
  next: 'Connect again; what was not committed there is undone.',
})
