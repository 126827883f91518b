/**
 * The files of a spool: records are added at the end of the newest, and taken from the oldest. What
 * was added is in the system's hands when `add` resolves, so it survives `kill -9`; a power cut it
 * survives as far as the disk does, which is why what must not be lost waits for the database.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { bounds } from './bounds.ts'

/** A place in the spool: everything up to `end` of `segment`. */
export interface Place {
  readonly segment: string
  readonly end: number
}

interface Segment {
  readonly name: string
  size: number
}

/** A class because it guards the order: one write at a time, and all that wait go with the next. */
export class Segments {
  readonly #folder: string
  readonly #segments: Segment[]
  #newest: { readonly handle: FileHandle; readonly segment: Segment } | undefined
  readonly #waiting: (PromiseWithResolvers<Place> & { readonly line: Buffer })[] = []
  #writing: Promise<void> | undefined

  /** What a dead process left is there, and comes first. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    this.#folder = folder
    this.#segments = readdirSync(folder)
      .filter(name => name.endsWith('.jsonl'))
      .map(name => ({ name, stat: statSync(join(folder, name)) }))
      .toSorted((a, b) => a.stat.mtimeMs - b.stat.mtimeMs)
      .map(({ name, stat: { size } }) => ({ name, size }))
  }

  /** Bytes that lie here, sent or not. */
  get size(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }

  /** Rejects where the disk takes nothing; then nothing was kept. */
  add(line: Buffer): Promise<Place> {
    const waiting = { line, ...Promise.withResolvers<Place>() }
    this.#waiting.push(waiting)
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
    return waiting.promise
  }

  /** The oldest segment, and whether nothing more will be added to it. */
  oldest() {
    const [first] = this.#segments
    return first && { ...first, isClosed: first !== this.#newest?.segment }
  }

  async read(name: string, from: number): Promise<Buffer> {
    await using handle = await open(join(this.#folder, name), 'r')
    const buffer = Buffer.allocUnsafe(bounds.batchBytes)
    const { bytesRead } = await handle.read({ buffer, position: from })
    return buffer.subarray(0, bytesRead)
  }

  async remove(name: string): Promise<void> {
    const at = this.#segments.findIndex(each => each.name === name)
    if (at !== -1) this.#segments.splice(at, 1)
    await unlink(join(this.#folder, name))
  }

  /** Nothing is added after it; what was is written. */
  async close(): Promise<void> {
    await this.#writing
    await this.#newest?.handle.close()
    this.#newest = undefined
  }

  async #write(): Promise<void> {
    // A turn of the loop later all that came meanwhile goes in one write.
    await new Promise(setImmediate)
    while (this.#waiting.length > 0) {
      const taken = this.#waiting.splice(0)
      try {
        const { handle, segment } = await this.#open()
        await handle.appendFile(Buffer.concat(taken.map(({ line }) => line)))
        for (const { line, resolve } of taken) {
          segment.size += line.length
          resolve({ segment: segment.name, end: segment.size })
        }
        if (segment.size >= bounds.segmentBytes) await this.#end()
      } catch (thrown) {
        // Half a write may be there: nobody was told it is, and the next begins a segment of its own.
        await this.#end().catch(() => {})
        for (const { reject } of taken) reject(thrown)
      }
    }
  }

  async #open() {
    if (this.#newest !== undefined) return this.#newest
    const segment = { name: `${randomUUID()}.jsonl`, size: 0 }
    const handle = await open(join(this.#folder, segment.name), 'ax', 0o600)
    this.#segments.push(segment)
    this.#newest = { handle, segment }
    return this.#newest
  }

  async #end(): Promise<void> {
    const ended = this.#newest
    this.#newest = undefined
    await ended?.handle.close()
  }
}
