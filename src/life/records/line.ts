/** A decision record as one line of a segment, and back. Pure. */
import { sha256Hex } from '../../core/base/hash.ts'
import type { DecisionRecord } from '../../core/base/permit.ts'
import { assert } from '../../core/base/problem.ts'
import { bounds } from './bounds.ts'

/** `own`: decided under our own rules; `app`: under those an app brings for its users. */
export type Kept = DecisionRecord & { readonly kind: 'own' | 'app' }

/** What is small as JSON, a tab, and the body as it is: canonical JSON holds no raw tab or line end. */
export function lineOf({ body, ...head }: Kept): Buffer {
  assert(!/[\t\n]/.test(body), 'a record is canonical JSON')
  const line = Buffer.from(`${JSON.stringify(head)}\t${body}\n`)
  assert(line.length <= bounds.recordBytes, 'a decision record is bounded')
  return line
}

/**
 * Whole lines of `chunk`, at most `bounds.batchRecords`. `damaged` counts those that are not what was
 * written, as a record whose hash is not its own: a disk's fault, or somebody's hand. `bytes` is of whole
 * lines; what follows the last of them was never acknowledged.
 */
export function readLines(chunk: Buffer) {
  const records: Kept[] = []
  let [damaged, bytes] = [0, 0]
  while (records.length + damaged < bounds.batchRecords) {
    const end = chunk.indexOf(newline, bytes)
    if (end === -1) {
      // No line is that long: something else was written there, and it must not hide what follows.
      if (chunk.length - bytes <= bounds.recordBytes) break
      return { records, damaged: damaged + 1, bytes: chunk.length }
    }
    const record = readLine(chunk.toString('utf8', bytes, end))
    if (record === undefined) damaged++
    else records.push(record)
    bytes = end + 1
  }
  return { records, damaged, bytes }
}

const newline = 0x0a

function readLine(text: string): Kept | undefined {
  try {
    const tab = text.indexOf('\t')
    const [head, body] = [JSON.parse(text.slice(0, tab)) as Omit<Kept, 'body'>, text.slice(tab + 1)]
    return sha256Hex(body) === head.hash ? { ...head, body } : undefined
  } catch {
    return undefined
  }
}
