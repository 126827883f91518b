// The page as it is served: on this machine alone, under no other name, and to be read alone.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

let app: ChildProcess
let port: number

before(async () => {
  const free = createServer()
  await once(free.listen(0, '127.0.0.1'), 'listening')
  port = (free.address() as AddressInfo).port
  await new Promise(done => free.close(done))
  const main = fileURLToPath(new URL('../src/server.ts', import.meta.url))
  app = spawn(process.execPath, [main], { env: { PORT: String(port) }, stdio: 'ignore' })
  for (let i = 0; i < 200 && (await ask('/healthz').catch(() => 0)) === 0; i++) await wait(50)
})
after(() => app.kill())

/** The status of the answer. */
async function ask(
  path: string,
  host = `127.0.0.1:${port}`,
  method = 'GET',
  more = {},
): Promise<number> {
  const headers = { host, ...more }
  const sent = request({ host: '127.0.0.1', port, path, method, headers }).end()
  const [answer] = await once(sent, 'response')
  answer.resume()
  return answer.statusCode
}

test('shows its page, and nothing else', async () => {
  assert.equal(await ask('/'), 200)
  assert.equal(await ask('/state'), 200)
  assert.equal(await ask('/leasehold.yaml'), 404)
  assert.equal(await ask('/', undefined, 'POST'), 405)
})

test('a name from elsewhere that leads here is not served', async () => {
  assert.equal(await ask('/', 'evil.example'), 421)
  assert.equal(await ask('/', `localhost:${port}`), 200)
})

test('who says who they are, and is not known, is shown nothing', async () => {
  assert.equal(await ask('/', undefined, 'GET', { 'leasehold-person': 'x.y.z' }), 401)
})

test('ends when it is told to', async () => {
  app.kill('SIGTERM')
  assert.deepEqual(await once(app, 'exit'), [0, null])
})
