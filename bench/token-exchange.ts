/**
 * Token exchange against oidc-provider's custom grant: processor time and wall time for one exchange,
 * both servers without persistence, rounds interleaved. Beside it the whole path with the store.
 *
 * The ratio is of processor time: on a machine whose second core is the client, wall time measures
 * the client too.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import type { JSONWebKeySet } from 'jose'
import { githubClaims, startGithubIssuer } from '../test/fakes/github-issuer.ts'
import { githubRule } from '../test/support/attested.ts'
import { compare, type Side } from './measure.ts'
import { machine, type Row, ratioText, round3 } from './row.ts'
import { audience, type Said, type SideName, type SideOptions } from './token-exchange-sides.ts'
import { wholePath } from './token-exchange-whole.ts'

const sides = join(import.meta.dirname, 'token-exchange-sides.ts')
const [rounds, warmUps, calls, inFlight] = [15, 5, 600, 32]

export async function benchTokenExchange(progress: (text: string) => void): Promise<Row> {
  const github = await startGithubIssuer()
  const tokens = await sign(github, (rounds + warmUps) * calls)
  const jwks = (await (await fetch(`${github.issuer}/jwks`)).json()) as JSONWebKeySet
  const options = { issuer: github.issuer, jwks, rule: githubRule }
  const [ours, peer] = [await start('ours', options), await start('peer', options)]
  const sideOf = (running: Running): Side => ({
    cpuMicros: () => cpuOf(running),
    run: round => exchangeAll(running, tokens.slice((round + warmUps) * calls).slice(0, calls)),
  })
  try {
    const compared = await compare(sideOf(ours), sideOf(peer), { rounds, warmUps, progress })
    return {
      name: 'token-exchange',
      ours: round3(compared.ours.cpu),
      peer: round3(compared.peer.cpu),
      unit: 'µs CPU for one exchange',
      ratio: compared.cpu.ratio,
      rounds: compared.rounds,
      spread: compared.cpu.spread,
      extra: {
        inFlight,
        wallMicros: { ours: round3(compared.ours.wall), peer: round3(compared.peer.wall) },
        wallRatio: ratioText(compared.wall),
        wholePath: await wholePath(progress),
        ...machine(),
      },
    }
  } finally {
    for (const { child, agent } of [ours, peer]) {
      child.kill()
      agent.destroy()
    }
    await github.stop()
  }
}

/** Tokens as CI sends them, each good for one exchange at either side. */
async function sign(github: Awaited<ReturnType<typeof startGithubIssuer>>, n: number) {
  const iat = Math.floor(Date.now() / 1000)
  const tokens: string[] = []
  for (let i = 0; i < n; i++)
    tokens.push(await github.issue({ ...githubClaims(audience, iat), exp: iat + 1_200 }))
  return tokens
}

interface Running {
  readonly child: ChildProcess
  readonly agent: Agent
  readonly port: number
}

async function start(side: SideName, options: SideOptions): Promise<Running> {
  const child = fork(sides, [side, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const { port } = (await hear(child)) as { port: number }
  return { child, port, agent: new Agent({ keepAlive: true, maxSockets: inFlight }) }
}

function hear(child: ChildProcess): Promise<Said> {
  const { promise, resolve, reject } = Promise.withResolvers<Said>()
  const onEnd = () => reject(new Error('a server of the bench ended early'))
  child.once('exit', onEnd)
  child.once('message', said => {
    child.off('exit', onEnd)
    resolve(said as Said)
  })
  return promise
}

async function cpuOf({ child }: Running): Promise<number> {
  child.send('cpu?')
  return ((await hear(child)) as { cpuUs: number }).cpuUs
}

async function exchangeAll(side: Running, tokens: string[]): Promise<number> {
  const queue = [...tokens]
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let token = queue.pop(); token !== undefined; token = queue.pop())
        await exchangeOne(side, token)
    }),
  )
  return tokens.length
}

function exchangeOne({ agent, port }: Running, token: string): Promise<void> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    client_id: 'ci',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    scope: 'board',
  }).toString()
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body),
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const call = request({ port, agent, method: 'POST', path: '/oauth/token', headers }, response => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => {
      if (response.statusCode === 200 && text.includes('"access_token"')) resolve()
      else reject(new Error(`${response.statusCode}: ${text}`))
    })
  })
  call.on('error', reject)
  call.end(body)
  return promise
}
