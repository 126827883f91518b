/**
 * Cuts what a PostgreSQL server says into messages, by their heads alone, and holds back what is not
 * whole yet, up to a bound. What is larger goes through as it comes. Pure.
 */
import { bounds } from './bounds.ts'

const headBytes = 5
const [dataRow, errorResponse] = ['D', 'E'].map(letter => letter.charCodeAt(0))

/** A class because it guards its place in the stream. */
export class Frames {
  /** Rows of data that went through. */
  rows = 0
  #held: Buffer = Buffer.alloc(0)
  /** Of a large message: what is still to come. */
  #rest = 0
  #last = 0

  /** Nothing of a message is through that is not all through. */
  get isBetween(): boolean {
    return this.#rest === 0
  }

  /** The last thing said was an error: a server that breaks off after it has said why. */
  get isTold(): boolean {
    return this.#last === errorResponse
  }

  /** What may go on now; undefined where this is no such stream. */
  take(chunk: Buffer): Buffer | undefined {
    const all = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    let at = Math.min(this.#rest, all.length)
    this.#rest -= at
    while (this.#rest === 0 && all.length - at >= headBytes) {
      const length = all.readUInt32BE(at + 1)
      if (length < headBytes - 1 || length > 0x7fffffff) return undefined
      const left = at + 1 + length - all.length
      if (left > 0 && length < bounds.heldBytes) break
      this.#note(all[at] ?? 0)
      at = Math.min(at + 1 + length, all.length)
      this.#rest = Math.max(left, 0)
    }
    this.#held = all.subarray(at)
    return all.subarray(0, at)
  }

  #note(type: number): void {
    this.#last = type
    if (type === dataRow) this.rows++
  }
}
