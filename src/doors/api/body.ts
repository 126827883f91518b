/** Bodies of requests: read up to their bound, whatever was declared; JSON as UTF-8 alone. */
import { type Json, parseJson } from '../../core/base/json.ts'
import { isProblem, Problem } from '../../core/base/problem.ts'

/** Problem `too-large` beyond `most`; nothing more is read then. `what` begins the sentence that says so. */
export async function readBytes(
  from: AsyncIterable<unknown> | null,
  most: number,
  what = 'The body',
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (from ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > most) throw tooLarge(most, what)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export function tooLarge(most: number, what = 'The body'): Problem {
  const detail = `${what} is larger than ${most} bytes.`
  return new Problem('too-large', { detail, next: 'Send less at once.' })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function readJson(bytes: Buffer): Json {
  try {
    return parseJson(utf8.decode(bytes), bytes.length)
  } catch (cause) {
    if (isProblem(cause)) throw cause
    const next = 'Send one JSON value, as UTF-8.'
    throw new Problem('bad-json', { detail: 'The body is not UTF-8.', next, cause })
  }
}

export function isJson(contentType = ''): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
}
