/**
 * A tool call through the gateway against the same call to the SDK's own server, of one caller after
 * the other for the time it adds, and of several at once for what it costs: processor time of our
 * process and the server's together, beside the server's alone.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { openTunnel } from '../cli/src/tunnel.ts'
import type { DoorSays } from './mcp-gateway-side.ts'
import { compare, median, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'

const sideFile = join(import.meta.dirname, 'mcp-gateway-side.ts')
const [rounds, warmUps, calls, inFlight, alone] = [10, 3, 600, 8, 300]
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': 'test_simple_text',
}

export async function benchMcpGateway(progress: (text: string) => void): Promise<Row> {
  const upstream = await start<{ url: string }>('upstream')
  const door = await start<DoorSays>('ours', upstream.says.url)
  const { address, path, token, word } = door.says
  const dial = { server: new URL(address), path, token: async () => token }
  const tunnel = await openTunnel(dial, why => progress(why))
  const direct = callerOf(upstream.says.url, {})
  const url = `http://127.0.0.1:${tunnel.port}/mcp`
  const through = callerOf(url, { authorization: `Bearer ${word}` })
  const both = [door.child, upstream.child]
  try {
    const compared = await compare(sideOf(through, both), sideOf(direct, [upstream.child]), {
      rounds,
      warmUps,
      progress,
    })
    const [gateway, server] = [await p50Of(through), await p50Of(direct)]
    return {
      name: 'mcp-gateway',
      ours: Math.round(compared.ours.cpu),
      peer: Math.round(compared.peer.cpu),
      unit: 'µs CPU/call',
      ratio: compared.cpu.ratio,
      rounds: compared.rounds,
      spread: compared.cpu.spread,
      extra: {
        inFlight,
        addedP50Ms: round3((gateway - server) / 1000),
        p50Ms: { gateway: round3(gateway / 1000), server: round3(server / 1000) },
        wall: ratioText(compared.wall),
        ...machine(),
      },
    }
  } finally {
    tunnel.close()
    for (const child of [door.child, upstream.child]) child.kill()
  }
}

interface Running<T> {
  readonly child: ChildProcess
  readonly says: T
}

async function start<T>(...words: string[]): Promise<Running<T>> {
  const child = fork(sideFile, words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [says] = (await once(child, 'message')) as [T]
  return { child, says }
}

type Call = () => Promise<void>

function callerOf(url: string, more: Readonly<Record<string, string>>): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  let id = 0
  return () => {
    const params = { name: 'test_simple_text', arguments: {}, _meta: meta }
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method: 'tools/call', params })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const length = { 'content-length': Buffer.byteLength(body) }
    const options = { agent, method: 'POST', headers: { ...headers, ...more, ...length } }
    const asked = request(url, options, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => {
        if (response.statusCode === 200 && text.includes('"content"') && !text.includes('isError'))
          resolve()
        else reject(new Error(`${response.statusCode}: ${text}`))
      })
    })
    asked.once('error', reject).end(body)
    return promise
  }
}

function sideOf(call: Call, children: readonly ChildProcess[]): Side {
  return {
    async cpuMicros() {
      let sum = 0
      for (const child of children) {
        child.send('cpu?')
        const [{ cpuUs }] = (await once(child, 'message')) as [{ cpuUs: number }]
        sum += cpuUs
      }
      return sum
    },
    async run() {
      let left = calls
      await Promise.all(
        Array.from({ length: inFlight }, async () => {
          while (left-- > 0) await call()
        }),
      )
      return calls
    },
  }
}

/** Microseconds, one call after the other. */
async function p50Of(call: Call): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < alone; n++) {
    const from = performance.now()
    await call()
    took.push((performance.now() - from) * 1000)
  }
  return median(took)
}
