/** The notebook: a page on this machine alone, which runs all cells when it is read. `--print`: once, in the terminal. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { readApp } from './app.ts'
import { cellsIn } from './cells.ts'
import { type Data, loadData } from './data.ts'
import { pageOf, printed, saysOf } from './page.ts'
import { runCells } from './run.ts'

const port = Number(process.env['PORT'] ?? 5173)
const here = (file: string) => readFileSync(new URL(file, import.meta.url), 'utf8')
const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
const files: Readonly<Record<string, string>> = {
  '/page.css': 'text/css',
  '/page.js': 'text/javascript',
}

const server = createServer((request, response) => {
  const send = (status: number, type: string, body: string) =>
    response
      .writeHead(status, {
        'content-type': `${type}; charset=utf-8`,
        'content-security-policy': policy,
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
    const { url = '' } = request
    const type = files[url]
    if (type !== undefined) return send(200, type, here(`.${url}`))
    if (url === '/healthz') return send(200, 'text/plain', 'ok')
    if (url !== '/' && url !== '/state') return send(404, 'text/plain', 'There is one page: /')
    const [text, data] = [here('../notebook.md'), await loadData(process.env)]
    if (url === '/state') return send(200, 'text/plain', stateOf(text, data))
    const ran = await ranOf(text, data)
    return send(200, 'text/html', pageOf(readApp(process.env), data, ran, stateOf(text, data)))
  }
  answer().catch(() => send(500, 'text/plain', 'Something broke in this app.'))
})

if (process.argv.includes('--print')) {
  const data = await loadData(process.env)
  const ran = await ranOf(here('../notebook.md'), data)
  process.stdout.write(`${printed(readApp(process.env), data, ran)}\n`)
  process.exitCode = ran.some(({ failed }) => failed !== '') || data.kind === 'refused' ? 1 : 0
} else {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      server.closeAllConnections()
      server.close()
    })
  server.listen(port, '127.0.0.1')
}

/** What was refused is not run on nothing: its answer would read as one. */
async function ranOf(text: string, data: Data) {
  const cells = cellsIn(text)
  const none = cells.map(cell => ({ ...cell, shown: [], failed: '' }))
  return data.kind === 'refused' ? none : runCells(cells, data)
}

function stateOf(text: string, data: Data): string {
  const all = [text, data.kind, saysOf(readApp(process.env), data)].join('\0')
  return createHash('sha256').update(all).digest('hex').slice(0, 16)
}
