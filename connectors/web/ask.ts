/**
 * What we ask of authorization servers, whose addresses others tell us in metadata.
 *
 * ATTACKER: a server whose metadata names a page that runs (`javascript:`), a file, a service on our
 * own machine or network; that sends our secret on by a redirect, or answers without end.
 */
import type { FetchLike } from '@modelcontextprotocol/client'
import { Problem } from '../../src/core/base/problem.ts'
import { isLocal, isReachable } from '../rest/config.ts'

const bounds = { askMs: 10_000, answerChars: 256 * 1024 }

/** Requests for a target at `from`. No redirect is followed; all but its own streams are bounded. */
export function askFor(from: URL): FetchLike {
  return async (address, init) => {
    const url = checkPlace(address, from)
    if (url.href === from.href && init?.signal) return fetch(url, { ...init, redirect: 'error' })
    const signal = AbortSignal.timeout(bounds.askMs)
    const answer = await fetch(url, { ...init, signal, redirect: 'error' })
    if (answer.body === null) return answer
    let text = ''
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      text += part
      if (text.length > bounds.answerChars) throw refused('Its metadata is too large.')
    }
    return new Response(text, answer)
  }
}

/** https by a name; on this machine only for who is on this machine. The address is not repeated. */
export function checkPlace(address: string | URL, from: URL): URL {
  const url = URL.parse(address)
  if (url !== null && isReachable(url) && (!isLocal(url) || isLocal(from))) return url
  throw refused('It names an address that is not https by a name.')
}

export function refused(why: string): Problem {
  const detail = `What this target says of its authorization is refused. ${why}`
  return new Problem('target-refused', { detail, next: 'Its owner looks at that.' })
}
