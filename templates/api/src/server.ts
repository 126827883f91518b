/** The app: an API in JSON, on this machine alone. */
import { createServer } from 'node:http'
import { answerTo } from './answer.ts'
import { readApp } from './app.ts'
import { loadData } from './data.ts'

const port = Number(process.env['PORT'] ?? 5173)

const server = createServer((request, response) => {
  const send = (status: number, body: object) =>
    response
      .writeHead(status, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      .end(`${JSON.stringify(body)}\n`)
  const answer = async () => {
    // ATTACKER: a page elsewhere whose name was made to lead here would read the data.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ''))
      return send(421, { error: 'Only 127.0.0.1 is served here.' })
    if (request.method !== 'GET') return send(405, { error: 'There is nothing to change here.' })
    const app = readApp(process.env)
    const { status, body } = await answerTo(request.url ?? '', app, () => loadData(process.env))
    return send(status, body)
  }
  answer().catch(() => send(500, { error: 'Something broke in this app.' }))
})

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.closeAllConnections()
    server.close()
  })
server.listen(port, '127.0.0.1')
