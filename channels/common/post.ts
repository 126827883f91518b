/**
 * One POST to an address that the operator chose. No redirect is followed: it would carry what we sign or show
 * elsewhere. INVARIANT: what is thrown holds no address, no credential and no word of the answer.
 */
import { type Json, parseJson } from '../../src/core/base/json.ts'

const mostBytes = 64 * 1024

export interface Posting {
  readonly address: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Status and, where it is wanted, the JSON that was answered. */
export async function post(
  { address, headers, body }: Posting,
  signal: AbortSignal,
  wantsJson = false,
): Promise<{ status: number; said: Json }> {
  // A connection of its own: one that was kept may be closed by the other side as this is written.
  const own = { ...headers, connection: 'close' }
  const init = { method: 'POST', headers: own, body, signal, redirect: 'manual' } as const
  const answer = await fetch(address, init).catch(() => {
    throw new Error(signal.aborted ? 'It did not answer in time.' : 'It can not be reached.')
  })
  const { status } = answer
  if (!wantsJson || status !== 200) {
    await answer.body?.cancel()
    return { status, said: null }
  }
  return { status, said: await readJson(answer) }
}

async function readJson({ body }: Response): Promise<Json> {
  try {
    let text = ''
    for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (text.length > mostBytes) break
    }
    return parseJson(text, mostBytes)
  } catch {
    throw new Error('What it answered is not JSON of a bounded size.')
  }
}
