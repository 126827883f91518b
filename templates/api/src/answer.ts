/** What the API answers to each address. Pure: whose it is and the rows come as arguments. */
import type { App } from './app.ts'
import type { Data } from './data.ts'

export interface Answer {
  readonly status: number
  readonly body: object
}

/** `load` is asked only where rows are wanted. */
export async function answerTo(path: string, app: App, load: () => Promise<Data>): Promise<Answer> {
  if (path === '/healthz') return { status: 200, body: { ok: true } }
  if (path === '/') return { status: 200, body: { ...app, rows: '/rows' } }
  if (path !== '/rows') return { status: 404, body: { error: 'There is / and /rows.' } }
  const { kind, resource, columns, rows, says } = await load()
  // Said with each answer: who takes synthetic rows for real ones decides on nothing.
  const about = { kind, resource, owner: app.owner, ends: app.ends }
  if (kind === 'refused') return { status: 403, body: { ...about, error: says } }
  const waits = kind === 'synthetic' ? { waits: app.waits } : {}
  return { status: 200, body: { ...about, ...waits, columns, rows } }
}
