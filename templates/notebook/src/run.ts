/**
 * Runs the cells from the first on, until one fails or takes too long: in a thread of their own, so that one that never
 * ends takes nothing else with it. This file is both sides of it.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { barsOf, type Cell, moduleOf, type Ran, type Shown, shownOf } from './cells.ts'
import type { Data } from './data.ts'

const runMs = 10_000
const mostShown = 100

type Told = { shown: Shown[][]; failed: string; now: number }
type Given = Pick<Data, 'rows' | 'columns'> & Record<'show' | 'bars' | 'at', (value: never) => void>
type Main = (given: Given) => Promise<void>

if (!isMainThread) {
  const { cells, data } = workerData as { cells: Cell[]; data: Data }
  parentPort?.postMessage(await play(cells, data))
}

export async function runCells(cells: readonly Cell[], data: Data, ms = runMs): Promise<Ran[]> {
  const { shown, failed, now } = await told(cells, data, ms)
  return cells.map((cell, i) => {
    return { ...cell, shown: shown[i] ?? [], failed: i === now ? failed : '' }
  })
}

function told(cells: readonly Cell[], data: Data, ms: number): Promise<Told> {
  // Given rows, and no variable of this process: no address of a door.
  const options = {
    workerData: { cells, data },
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 256 },
  }
  const worker = new Worker(new URL(import.meta.url), options)
  const stopped = (failed: string) => ({ shown: [], failed, now: 0 })
  return new Promise<Told>(resolve => {
    const timer = setTimeout(() => resolve(stopped(`It took longer than ${ms / 1000} s.`)), ms)
    worker.once('message', (one: Told) => resolve(one))
    worker.once('error', error => resolve(stopped(String(error).slice(0, 500))))
    worker.once('exit', () => clearTimeout(timer))
  }).finally(() => worker.terminate())
}

async function play(cells: readonly Cell[], data: Data): Promise<Told> {
  const shown: Shown[][] = cells.map(() => [])
  let now = 0
  const put = (one: Shown) => (shown[now]?.length ?? mostShown) < mostShown && shown[now]?.push(one)
  try {
    let main: Main | undefined
    // Of as many cells as can be read: the first that can not is where it stops.
    for (now = 0; now < cells.length; now++) {
      const text = encodeURIComponent(moduleOf(cells.slice(0, now + 1)))
      main = ((await import(`data:text/javascript,${text}`)) as { default: Main }).default
    }
    now = 0
    await main?.({
      rows: data.rows,
      columns: data.columns,
      show: (value: unknown) => put(shownOf(value)),
      bars: (pairs: readonly (readonly [string, number])[]) => put(barsOf(pairs)),
      at: (cell: number) => (now = cell),
    })
    return { shown, failed: '', now }
  } catch (error) {
    return { shown, failed: String(error).slice(0, 500), now }
  }
}
