/**
 * The tools of a target as it says them now, by a client of ours; and where it is asked.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { z } from 'zod'
import type { JsonObject } from '../../core/base/json.ts'
import { isProblem, type Problem, problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import type { Upstream } from '../../core/target/target.ts'
import type { Tool } from './pin.ts'

const bounds = {
  tools: 1_000,
  nameChars: 128,
  lookMs: 10_000,
  leaveMs: 500,
  answerBytes: 16 * 1024 * 1024,
}

const page = z.looseObject({
  tools: z.array(z.looseObject({ name: z.string().max(bounds.nameChars) })).max(bounds.tools),
  nextCursor: z.string().optional(),
})

/** A client of ours at a target, in whichever revision it speaks. Ends with `leave`. */
export async function connectTo(
  { url, fetch }: Upstream,
  signal = AbortSignal.timeout(bounds.lookMs),
): Promise<Client> {
  const client = new Client(
    { name: product.name, version: product.version },
    { versionNegotiation: { mode: 'auto' } },
  )
  const capped = (at: string | URL, init?: RequestInit) => fetch(at, init).then(cap)
  const transport = new StreamableHTTPClientTransport(url, { fetch: capped })
  await client
    // The first question of a negotiation hears no signal.
    .connect(transport, { signal, timeout: bounds.lookMs })
    .catch((cause: unknown) => {
      throw unavailable(cause)
    })
  return client
}

/** ATTACKER: an answer, or a stream of one, that has no end. */
function cap(answer: Response): Response {
  let left = bounds.answerBytes
  const upTo = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, to) {
      left -= part.length
      if (left < 0) throw new Error('too large')
      to.enqueue(part)
    },
  })
  return new Response(answer.body?.pipeThrough(upTo) ?? null, answer)
}

/** A server with sessions is told that ours is over; one that does not hear is left all the same. */
export async function leave(client: Client): Promise<void> {
  const { transport } = client
  if (transport instanceof StreamableHTTPClientTransport)
    await Promise.race([transport.terminateSession(), wait(bounds.leaveMs)]).catch(() => {})
  await client.close()
}

export type Tools = Awaited<ReturnType<typeof lookAtTools>>

/** What a server says of itself to who greets it. */
export type Says = ReturnType<typeof saysOf>

/** Problem `target-unavailable` where it does not answer as an MCP server. */
export async function lookAtTools(upstream: Upstream) {
  const signal = AbortSignal.timeout(bounds.lookMs)
  const client = await connectTo(upstream, signal)
  try {
    const tools: Tool[] = []
    let cursor: string | undefined
    const says = saysOf(client)
    do {
      if (!('tools' in says.capabilities)) break
      const params = cursor === undefined ? {} : { cursor }
      const read = await client.request({ method: 'tools/list', params }, page, { signal })
      tools.push(...(read.tools as Tool[]))
      cursor = read.nextCursor
    } while (cursor !== undefined && tools.length <= bounds.tools)
    /** `2026-07-28` or one of before. */
    const revision = client.getNegotiatedProtocolVersion() ?? ''
    return { revision, says, tools: new Map(tools.map(tool => [tool.name, tool])) }
  } catch (cause) {
    throw unavailable(cause)
  } finally {
    await leave(client).catch(() => {})
  }
}

function saysOf(client: Client) {
  const capabilities = (client.getServerCapabilities() ?? {}) as JsonObject
  const serverInfo = (client.getServerVersion() ?? { name: 'unknown', version: '' }) as JsonObject
  const instructions = client.getInstructions()
  return { capabilities, serverInfo, ...(instructions !== undefined && { instructions }) }
}

export function unavailable(cause: unknown): Problem {
  // The SDK wraps what a `fetch` throws.
  for (const each of [cause, (cause as Error).cause]) if (isProblem(each)) return each
  return problemOf('target-not-mcp', { cause })
}
