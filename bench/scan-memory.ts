// Memory of a scan of 100,000 things: `node --expose-gc bench/scan-memory.ts [things]`. GitHub's answers
// are made here, page by page, so that what grows is the scan. Prints one line of JSON; no goal is
// judged here.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runScan } from '../scan/src/run.ts'
import { systemClock } from '../src/core/base/time.ts'

const things = Number(process.argv[2] ?? 100_000)
const perPage = 30
const folder = mkdtempSync(join(tmpdir(), 'scan-memory-'))
const origin = 'http://127.0.0.1:1'

/** One repository with that many deploy keys; everything else is empty. */
function answer(url: URL): Response {
  const page = Number(url.searchParams.get('page') ?? 1)
  const json = { 'content-type': 'application/json' }
  if (url.pathname === '/user/memberships/orgs/acme')
    return new Response('{"state":"active"}', { headers: json })
  if (url.pathname === '/orgs/acme/repos') {
    const permissions = { admin: true, push: true, pull: true }
    const row = { full_name: 'acme/desk', name: 'desk', size: 0, permissions }
    return new Response(JSON.stringify([row]), { headers: json })
  }
  if (!url.pathname.endsWith('/keys')) return new Response('[]', { headers: json })
  const rows = Array.from({ length: perPage }, (_, i) => ({
    id: page * perPage + i,
    title: `deploy key number ${page * perPage + i} of somebody`,
    added_by: `member-${i}`,
    read_only: i % 2 === 0,
    created_at: '2024-01-01T00:00:00Z',
    last_used: i % 3 === 0 ? null : '2026-01-01T00:00:00Z',
  }))
  const next = `<${origin}${url.pathname}?per_page=${perPage}&page=${page + 1}>; rel="next"`
  const link = page * perPage < things ? { link: next } : {}
  return new Response(JSON.stringify(rows), { headers: { ...json, ...link } })
}

const rssMb = () => process.memoryUsage().rss / 2 ** 20
const settle = () => globalThis.gc?.()
settle()
const idle = rssMb()
let most = idle
const watch = setInterval(() => (most = Math.max(most, rssMb())), 20)
const began = performance.now()
const quiet = { write: () => true }
await runScan({
  argv: ['github:acme'],
  env: { GITHUB_TOKEN: 'x', GITHUB_API_URL: origin },
  cwd: folder,
  stdout: quiet,
  stderr: quiet,
  clock: systemClock,
  sleep: async () => {},
  fetch: async input => answer(new URL(input as URL)),
  tool: async () => '',
  awsKeys: async () => undefined,
  signal: new AbortController().signal,
})
clearInterval(watch)
const seconds = (performance.now() - began) / 1000
const round = (value: number) => Math.round(value * 10) / 10
const figures = { things, idleMb: round(idle), mostMb: round(most), aboveMb: round(most - idle) }
console.log(JSON.stringify({ ...figures, seconds: round(seconds) }))
rmSync(folder, { recursive: true, force: true })
