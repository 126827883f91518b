/**
 * Repositories over HTTP on this machine: git's own server (git-http-backend(1)) behind a door that lets in
 * one header, as a host of repositories does. Keeps what arrived.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface GitServer {
  readonly url: string
  readonly seen: { readonly asked: string; readonly authorization: string | undefined }[]
  close(): Promise<void>
}

const run = promisify(execFile)

/** An empty home: nothing of who runs the tests is read. */
export function gitEnvironment(home: string): Record<string, string> {
  const who = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@acme.example' }
  const by = { GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@acme.example' }
  const bare = { GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' }
  return { PATH: process.env['PATH'] ?? '', HOME: home, ...who, ...by, ...bare }
}

/** `acme/board.git` with one commit, in this folder. */
export async function startGitServer(folder: string, login: string): Promise<GitServer> {
  const options = { cwd: folder, env: gitEnvironment(folder) }
  await run('git', ['init', '-q', '-b', 'main', 'work'], options)
  const work = { ...options, cwd: join(folder, 'work') }
  await run('git', ['commit', '-q', '--allow-empty', '-m', 'first'], work)
  await run('git', ['clone', '-q', '--bare', 'work', 'acme/board.git'], options)
  const seen: GitServer['seen'] = []
  const wanted = `Basic ${Buffer.from(login).toString('base64')}`
  const server = createServer((req, res) => {
    const { authorization } = req.headers
    seen.push({ asked: `${req.method} ${req.url}`, authorization })
    if (authorization !== wanted) return void res.writeHead(401).end()
    serve(folder, req, res).catch(() => res.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
    },
  }
}

async function serve(folder: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = '', query = ''] = (req.url ?? '').split('?')
  const { headers, method = '' } = req
  const env = {
    ...gitEnvironment(folder),
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    REMOTE_USER: 'us',
    REQUEST_METHOD: method,
    PATH_INFO: path,
    QUERY_STRING: query,
    CONTENT_TYPE: headers['content-type'] ?? '',
    HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
  }
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.on('error', () => {})
  const parts: Buffer[] = []
  for await (const part of req) parts.push(part as Buffer)
  child.stdin.end(Buffer.concat(parts))
  const out: Buffer[] = []
  for await (const part of child.stdout) out.push(part as Buffer)
  const said = Buffer.concat(out)
  const end = said.indexOf('\r\n\r\n')
  const lines = said.subarray(0, end).toString().split('\r\n')
  const given = lines.map(line => line.split(': ') as [string, string])
  const status = given.find(([name]) => name === 'Status')?.[1] ?? '200'
  for (const [name, value] of given) if (name !== 'Status') res.setHeader(name, value)
  res.writeHead(Number.parseInt(status, 10)).end(said.subarray(end + 4))
}
