/**
 * Messages of PostgreSQL's protocol 3.0: read one at a time with a bound, written whole. Not here:
 * what they mean, and what comes after a sign-in, which is not read but counted (`frames.ts`).
 */
import type { Duplex } from 'node:stream'
import type { Problem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import { safeText } from '../../src/core/base/text.ts'
import { bounds } from './bounds.ts'

export const codes = { protocol: 196_608, ssl: 80_877_103, gssenc: 80_877_104, cancel: 80_877_102 }

export interface Message {
  /** One letter. */
  readonly type: string
  readonly body: Buffer
}

/** The other side broke off, or sent what is none of these messages. Carries nothing it sent. */
export class Broken extends Error {}

/**
 * Reads a stream by exact counts; what follows stays in it. Listens for as long as it is used: who
 * listens anew for each read is called at once, for ever, while half a message lies there.
 */
export class Reader {
  readonly #stream: Duplex
  #wake: () => void = () => {}

  constructor(stream: Duplex) {
    this.#stream = stream
    for (const event of events) stream.on(event, this.#ring)
  }

  /** Before anybody else reads on. */
  release(): void {
    for (const event of events) this.#stream.off(event, this.#ring)
  }

  /** Throws `Broken`, or the signal's reason. */
  async bytes(count: number, signal: AbortSignal): Promise<Buffer> {
    if (count === 0) return Buffer.alloc(0)
    const stream = this.#stream
    for (;;) {
      signal.throwIfAborted()
      const got = stream.read(count) as Buffer | null
      if (got?.length === count) return got
      if (got !== null || stream.readableEnded || stream.destroyed) throw new Broken('broke off')
      await this.#news(signal)
    }
  }

  /** One message with a type. Throws `Broken` where it is longer than `most`, without reading it. */
  async message(most: number, signal: AbortSignal): Promise<Message> {
    const head = await this.bytes(5, signal)
    const length = head.readInt32BE(1) - 4
    if (length < 0 || length > most) throw new Broken('a message of that length')
    return { type: String.fromCharCode(head[0] ?? 0), body: await this.bytes(length, signal) }
  }

  /** A first message has no type: its code, and what follows. */
  async first(signal: AbortSignal): Promise<{ code: number; body: Buffer }> {
    const head = await this.bytes(8, signal)
    const length = head.readInt32BE(0) - 8
    if (length < 0 || length > bounds.startupBytes) throw new Broken('a start-up of that length')
    return { code: head.readInt32BE(4), body: await this.bytes(length, signal) }
  }

  readonly #ring = (): void => this.#wake()

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => reject(signal.reason as Error)
      signal.addEventListener('abort', aborted, { once: true })
      this.#wake = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
    })
  }
}

const events = ['readable', 'end', 'close', 'error'] as const

export function message(type: string, ...parts: readonly (Buffer | string | number)[]): Buffer {
  const body = Buffer.concat(parts.map(bytesOf))
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body])
}

/** A first message: of a start, a request for TLS, or a cancel. */
export function firstMessage(code: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat([int32(code), ...parts.map(bytesOf)])
  return Buffer.concat([int32(body.length + 4), body])
}

/** The last word to a caller: psql and drivers show text and hint to people. */
export function fatal(state: string, { detail, next }: Pick<Problem, 'detail' | 'next'>): Buffer {
  const fields = { S: 'FATAL', V: 'FATAL', C: state, M: `${product.name}: ${shown(detail)}` }
  const all = next === undefined ? fields : { ...fields, H: shown(next) }
  return message('E', ...Object.entries(all).map(([name, value]) => `${name}${value}`), '')
}

/** Of an error of the server: its SQLSTATE. */
export function stateIn(body: Buffer): string {
  const field = body.toString('latin1').split('\0')
  return field.find(each => each.startsWith('C'))?.slice(1) ?? ''
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** A text is sent with the NUL that ends it. */
function bytesOf(part: Buffer | string | number): Buffer {
  if (typeof part === 'number') return int32(part)
  return typeof part === 'string' ? Buffer.from(`${part}\0`) : part
}

function shown(text: string): string {
  return safeText(text, 1_000)
}
