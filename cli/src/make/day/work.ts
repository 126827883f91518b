/** What every word about a day does its work with: a few calls at once, each with time enough. */
import type { AppDetail, AppView } from '../../../../src/doors/api/contract.ts'
import type { Call } from '../../api.ts'
import type { Cli } from '../../cli.ts'
import { Problem } from '../../problem.ts'
import { segment } from '../../verbs/kit.ts'
import type { Day } from './plan.ts'

/** Calls beside each other: more would only wait inside the server. */
const atOnce = 8
const callMs = 120_000

/** Results in the order of the items. What throws stops what was not begun. */
export async function spread<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
): Promise<R[]> {
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

/** GET, with more time than a person at a terminal is asked to wait for one thing. */
export async function read<T>(cli: Cli, path: string): Promise<T> {
  const more: Partial<Call> = { method: 'GET', isLook: true, timeoutMs: callMs }
  return (await cli.api.post(path, undefined, more)) as T
}

export async function send<T>(cli: Cli, path: string, json: object, more: Partial<Call> = {}) {
  return (await cli.api.post(path, json, { timeoutMs: callMs, ...more })) as T
}

/** Undefined where there is none, or it is none of ours to see. */
export async function findApp(cli: Cli, slug: string): Promise<AppDetail | undefined> {
  const app = await tried(() => read<AppDetail>(cli, `/v1/apps/${segment(slug)}`))
  if (!(app instanceof Problem)) return app
  if (app.text.code === 'not-found') return undefined
  throw app
}

/** Apps of the day in these states, the teams' and others; throws where they are more than a page. */
export async function listApps(cli: Cli, day: Day, states: readonly AppView['state'][]) {
  const pages = await spread(states, async state => {
    const filter = new URLSearchParams({ day: day.name, state })
    return (await read<{ items: AppView[] }>(cli, `/v1/apps?${String(filter)}`)).items
  })
  return pages.flat()
}

/** A page of a list holds so many: one that is full may not be all there is. */
export const pageRows = 200
