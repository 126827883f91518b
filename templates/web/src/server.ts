/** The app: one page, on this machine alone. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { readApp } from './app.ts'
import { loadData } from './data.ts'
import { pageOf, stateOf } from './page.ts'
import { visitorOf } from './visitor.ts'

const port = Number(process.env['PORT'] ?? 5173)

const server = createServer((request, response) => {
  const send = (status: number, type: string, body: string, nonce = '') =>
    response
      .writeHead(status, {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'`,
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      })
      .end(body)
  const answer = async () => {
    // ATTACKER: a page elsewhere whose name was made to lead here would read the data.
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? ''))
      return send(421, 'text/plain', 'Only 127.0.0.1 is served here.')
    if (request.method !== 'GET') return send(405, 'text/plain', 'There is nothing to change here.')
    if (request.url === '/healthz') return send(200, 'text/plain', 'ok')
    if (request.url !== '/' && request.url !== '/state')
      return send(404, 'text/plain', 'There is one page: /')
    const visitor = await visitorOf(request.headers['leasehold-person'], process.env)
    if (visitor === undefined) return send(401, 'text/plain', 'Open this app at its own address.')
    const [app, data] = [readApp(process.env), await loadData(process.env)]
    if (request.url === '/state') return send(200, 'text/plain', stateOf(app, data))
    const nonce = randomBytes(16).toString('base64')
    return send(200, 'text/html', pageOf(app, data, nonce, visitor), nonce)
  }
  answer().catch(() => send(500, 'text/plain', 'Something broke in this app.'))
})

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    server.closeAllConnections()
    server.close()
  })
server.listen(port, '127.0.0.1')
