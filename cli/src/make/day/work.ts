/** What every word about a day does its work with: a few calls at once, each with time enough. */
import type { AppDetail } from '../../../../src/doors/api/contract.ts'
import type { Call } from '../../api.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { segment } from '../../verbs/kit.ts'

/** Calls beside each other: more would only wait inside the server. */
const atOnce = 8
const timeoutMs = 120_000
/** A page of a list holds so many: one that is full may not be all there is. */
export const pageRows = 200

/** Results in the order of the items. What throws stops what was not begun. */
export async function spread<T, R>(items: readonly T[], run: (item: T) => Promise<R>) {
  const results: R[] = []
  const next = items.entries()
  const worker = async () => {
    for (const [i, item] of next) results[i] = await run(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

/** A Problem is an answer, so that one team stops no other; a server that is not there stops all. */
export async function tried<T>(run: () => Promise<T>): Promise<T | Problem> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Problem && !/^LH-(NET|AUTH|DRY|CLOCK)/.test(error.text.code)) return error
    throw error
  }
}

/** What looks before it makes may be done again: a connection that broke says nothing of what came of it. */
export async function again<T>({ host }: Cli, run: () => Promise<T>, tries = 3): Promise<T> {
  for (let left = tries; ; left--)
    try {
      return await run()
    } catch (error) {
      if (left <= 1 || !(error instanceof Problem) || error.text.code !== 'LH-NET-05') throw error
      await host.sleep(500)
    }
}

/** GET, with more time than a person at a terminal is asked to wait for one thing. */
export async function read<T>(cli: Cli, path: string, query?: Record<string, string>): Promise<T> {
  const search = query === undefined ? '' : `?${String(new URLSearchParams(query))}`
  const more = { method: 'GET', isLook: true, timeoutMs } as const
  return (await again(cli, () => cli.api.post(path + search, undefined, more))) as T
}

export async function send<T>({ api }: Cli, path: string, json: object, more: Partial<Call> = {}) {
  return (await api.post(path, json, { timeoutMs, ...more })) as T
}

/** Undefined where there is none, or it is none of ours to see. */
export async function findApp(cli: Cli, slug: string): Promise<AppDetail | undefined> {
  const app = await tried(() => read<AppDetail>(cli, `/v1/apps/${segment(slug)}`))
  if (!(app instanceof Problem)) return app
  if (app.text.code === 'not-found') return undefined
  throw app
}
