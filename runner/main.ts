/**
 * The runner: takes bundles that CI ships, and runs each for as long as the server says. It listens on this
 * machine alone; beyond it, the operator's proxy speaks TLS. It knows nobody's token.
 */
import { mkdirSync, realpathSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { bounds } from './bounds.ts'
import { Deployments } from './deployments.ts'
import { readKey, thumbprintOf } from './key.ts'
import { Refusal } from './refusal.ts'

const { LEASEHOLD_SERVER: server = '', RUNNER_HOME: folder = '.leasehold/runner' } = process.env
const port = Number(process.env['RUNNER_PORT'] ?? '4600')
mkdirSync(folder, { recursive: true, mode: 0o700 })
const home = realpathSync(folder)
const key = readKey(home)

if (process.argv.includes('--key')) process.stdout.write(`${thumbprintOf(key)}\n`)
else if (URL.parse(server)?.origin === server && port >= 0 && port < 65_536) start()
else {
  process.stderr.write('✕ LEASEHOLD_SERVER is the origin of the server, RUNNER_PORT a port.\n')
  process.exitCode = 70
}

function start(): void {
  const log = (line: object) =>
    process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`)
  const deployments = new Deployments({ server, home, key, log })
  const limits = { requestTimeout: bounds.uploadMs, maxHeaderSize: 8192 }
  const http = createServer(limits, (req, res) => {
    const send = (status: number, said: object) => {
      // A body that was not read is not waited for.
      res.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' })
      res.end(`${JSON.stringify(said)}\n`)
    }
    answer(deployments, req).then(
      said => send(200, said),
      (thrown: Error) => {
        const isOurs = thrown instanceof Refusal
        if (!isOurs) log({ failed: thrown.message })
        const detail = isOurs ? thrown.message : 'Something broke in the runner.'
        send(isOurs ? thrown.status : 500, { code: 'refused', detail, next: 'ship --deploy' })
      },
    )
  })
  http.listen(port, '127.0.0.1', () => {
    const { port: own } = http.address() as { port: number }
    const setting = `http://127.0.0.1:${own} ${thumbprintOf(key)}`
    process.stdout.write(
      `Runner for ${server}\n  it is started with LEASEHOLD_RUNNER="${setting}"\n`,
    )
    deployments.resume()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void deployments.stop().then(() => process.exit(0)))
}

async function answer(deployments: Deployments, req: IncomingMessage): Promise<object> {
  if (req.method === 'GET' && req.url === '/healthz') return { ok: true }
  const [, slug] = /^\/v1\/apps\/([a-z0-9](?:-?[a-z0-9]){0,62})$/.exec(req.url ?? '') ?? []
  if (slug === undefined || req.method !== 'PUT')
    throw new Refusal(404, 'A bundle is sent by PUT to /v1/apps/<app>.')
  const [, warrant = ''] = /^Bearer (\S+)$/.exec(req.headers.authorization ?? '') ?? []
  const { digest, commit, address } = await deployments.take(slug, warrant, () => readBody(req))
  return { app: slug, digest, commit, address }
}

/** Up to a bound. */
async function readBody(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  let left: number = bounds.bundleBytes
  for await (const part of req as AsyncIterable<Buffer>) {
    left -= part.length
    if (left < 0) throw new Refusal(413, `A bundle has at most ${bounds.bundleBytes >> 20} MiB.`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
