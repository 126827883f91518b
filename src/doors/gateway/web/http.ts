/** Requests to an API by its base address: each is classed by method and path, judged, and carried. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Json } from '../../../core/base/json.ts'
import { Problem, problemOf } from '../../../core/base/problem.ts'
import type { Priced, Upstream } from '../../../core/target/target.ts'
import type { Meter } from '../../../life/budget/meter.ts'
import { readBytes, tooLarge } from '../../api/body.ts'
import { bounds } from '../bounds.ts'
import { headersBack, send } from './forward.ts'
import type { Judge } from './judge-call.ts'

export interface Talk {
  readonly upstream: Upstream
  readonly object: Json
  readonly judge: Judge
}

export async function answerHttp(
  { upstream, object, judge }: Talk,
  req: IncomingMessage,
  res: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { method = '', url: path = '', headers } = req
  const asked = `${method} ${checkPath(path, upstream)}`
  const action = upstream.classOf(object, `${method} ${path}`)
  if (action === undefined) throw new Problem('not-found', { detail: 'This is not offered here.' })
  let body: Buffer | undefined
  const said = async () => {
    body = await readBytes(req.iterator({ destroyOnReturn: false }), bounds.shownBytes)
    return { path, body: body.toString() }
  }
  const { refused, meter } = await judge.ask({ action, asked: withoutNames(asked), said })
  if (refused !== undefined) throw refused.problem
  const price = meter?.boundsSpend && action === 'spend' ? upstream.priceOf?.(object) : undefined
  try {
    if (meter?.boundsSpend && action === 'spend' && price === undefined) throw unpriced
    const sent = { method, path, headers, body: body ?? bodyOf(req) }
    const answer = await send(upstream, sent, signal)
    res.writeHead(answer.statusCode ?? 502, headersBack(answer))
    if (meter === undefined) {
      flushSoon(res, answer)
      return await pipeline(answer, res, { signal })
    }
    // Where the budget ends with the first piece there was an answer, and it is broken off.
    res.flushHeaders()
    await pipeline(answer, counted(meter, price), res, { signal })
  } finally {
    // What does not say what it cost has cost the estimate.
    const cost = price?.cost()
    if (cost !== undefined) meter?.settle(cost)
    await meter?.close()
  }
}

const unpriced = problemOf('cost-not-known')

/** INVARIANT: no byte goes on that was not taken from the budget. */
function counted(meter: Meter, price: Priced | undefined): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const pass = () => {
        price?.read(chunk)
        done(null, chunk)
      }
      const turn = meter.take({ bytes: chunk.length })
      if (turn === undefined) pass()
      else turn.then(pass, done)
    },
  })
}

/**
 * The path without its query. ATTACKER: spellings of one path that we and the target read differently
 * (dot segments, doubled or encoded slashes, parameters behind `;`).
 */
function checkPath(path: string, { url }: Upstream): string {
  const [bare = ''] = path.split('?')
  const isPlain =
    /^(\/[\w.~!$&'()*+,=:@%-]*)+$/.test(bare) && !/%(2e|2f|5c|00|25)|\/\/|\/\.\.?(\/|$)/i.test(bare)
  const base = url.pathname.replace(/\/$/, '')
  if (isPlain && (bare === base || bare.startsWith(`${base}/`))) return bare
  throw problemOf('path-not-below-target')
}

/** For the record, which is kept for good: no segment that may name a person. */
function withoutNames(asked: string): string {
  return asked.replaceAll(/[^/ ]*[@%][^/]*/g, '*').slice(0, 120)
}

/** Without a length or a coding there is none (RFC 9112 §6.3), and nothing to be carried piece by piece. */
function bodyOf(req: IncomingMessage): Buffer | Transform {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = req.headers
  if (length === '0' && coding === undefined) return Buffer.alloc(0)
  return req.pipe(upTo(bounds.webBodyBytes))
}

/** The head goes with the first of the body: one write instead of two. Alone where that is not here yet. */
function flushSoon(res: ServerResponse, answer: IncomingMessage): void {
  const soon = setImmediate(() => {
    if (!res.writableEnded) res.flushHeaders()
  })
  answer.once('data', () => clearImmediate(soon))
}

function upTo(bytes: number): Transform {
  let left = bytes
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      left -= chunk.length
      if (left >= 0) done(null, chunk)
      else done(tooLarge(bytes))
    },
  })
}
