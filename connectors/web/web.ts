/**
 * Systems spoken to over HTTP, where the one credential is ours: MCP servers, model vendors, APIs. A
 * lease makes nothing there: it lets its task through our gateway, and its end is the end of that.
 * What each request does and whether it may be is the gateway's to ask, by the classes told here.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { isProblem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type { Connector, IssueOrder, Target, Upstream } from '../../src/core/target/target.ts'
import { asOurselves, madeNothing, neverLeft, ourGateway } from '../rest/gateway.ts'
import { presets } from '../rest/presets.ts'
import { classOfRequest, classOfTool } from './classes.ts'
import { parseHttp, parseMcp, parsePaths, parseTools, type WebConfig } from './config.ts'
import { machineCredential } from './machine.ts'
import { priceOf } from './price.ts'

export const mcpConnector: Connector = {
  kind: 'mcp',
  parseConfig: parseMcp,
  addressOf: config => parseMcp(config).url,
  parseObject: parseTools,
  open: (config, clock) => open('mcp', parseMcp(config), clock),
}

export const httpConnector: Connector = {
  kind: 'http',
  parseConfig: parseHttp,
  addressOf: config => parseHttp(config).url,
  parseObject: parsePaths,
  open: (config, clock) => open('http', parseHttp(config), clock),
}

function open(kind: 'http' | 'mcp', config: WebConfig, clock: Pick<Clock, 'now'>): Target {
  const { url, preset } = config
  const known = preset && presets[preset]
  const issued = async ({ endsAt }: IssueOrder) => ({
    acceptedPath: ourGateway,
    diesAt: endsAt,
    // What the command is told beside the word: where on our door, and whose names it goes by.
    connect: {
      path: new URL(url).pathname.replace(/\/$/, ''),
      speaks: kind,
      ...(preset && { preset }),
      // git has the address of its repositories written down, and is led to our door from there.
      ...(preset === 'git' && { git: url.replace(/\/?$/, '/') }),
    },
  })
  const upstream: Upstream = {
    ...asOurselves(new URL(url), credentialOf(config, clock)),
    speaks: kind,
    classOf: (object, asked, said) =>
      kind === 'mcp' ? classOfTool(object, asked, said) : classOfRequest(object, asked, known),
    priceOf,
  }
  return {
    ...madeNothing(clock),
    describe: () => ({
      connector: kind,
      paths: [ourGateway],
      canRenew: true,
      canHold: true,
      diesByItself: true,
      hasGateway: true,
    }),
    upstream,
    preflight: signal => (kind === 'mcp' ? greet(upstream, signal) : knock(upstream, signal)),
    issue: issued,
    renew: issued,
    end: async () => {},
    verifyGone: async () => neverLeft(clock),
    inventory: async () => ({ found: [], next: null }),
  }
}

function credentialOf({ url, credential: fixed, oauth }: WebConfig, clock: Pick<Clock, 'now'>) {
  if (oauth) return machineCredential(new URL(url), oauth, clock)
  const ours = fixed === undefined ? {} : { [fixed.header]: fixed.value }
  return async () => ours
}

/** It answers, and takes our credential. */
async function knock({ url, credential }: Upstream, signal: AbortSignal) {
  const headers = await credential()
  const status = await fetch(url, { headers, signal, redirect: 'manual' }).then(
    async answer => {
      await answer.body?.cancel()
      return answer.status
    },
    () => 0,
  )
  const isTaken = status !== 401 && status !== 403
  return {
    ok: status > 0 && status < 500 && isTaken,
    steps: [
      step('answered', status > 0 && status < 500, `status ${status}`),
      step('credential accepted', status > 0 && isTaken, `status ${status}`),
    ],
  }
}

/** It speaks MCP with us, in either revision. */
async function greet({ url, fetch }: Upstream, signal: AbortSignal) {
  const client = new Client(
    { name: product.name, version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  try {
    await client.connect(new StreamableHTTPClientTransport(url, { fetch }), { signal })
    const revision = client.getNegotiatedProtocolVersion() ?? ''
    return { ok: true, steps: [step('answered', true, `MCP ${revision}`)] }
  } catch (thrown) {
    // The SDK wraps what a `fetch` throws.
    const { cause } = thrown as Error
    const why = isProblem(cause) ? cause.detail : 'no MCP server that lets us in'
    return { ok: false, steps: [step('answered', false, why)] }
  } finally {
    await client.close().catch(() => {})
  }
}

function step(name: string, ok: boolean, detail: string) {
  return ok ? { name, ok } : { name, ok, detail }
}
