/** A population for an audit, as a file: which days, how far it is, what it came to. */
import { type FormEvent, useState } from 'react'
import { csvOf, type Population, readPopulation } from '../population.ts'
import { useAct } from '../use.ts'
import { many } from '../words.ts'
import { Progress } from './act.tsx'
import { Panel, ProblemBox } from './show.tsx'

const monthMs = 30 * 86_400_000
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)

export function ExportPanel() {
  const [far, setFar] = useState<readonly [done: number, all: number]>()
  const act = useAct(async ({ from, to, as }: Record<'from' | 'to' | 'as', string>) => {
    const range = { from: `${from}T00:00:00.000Z`, to: `${to}T23:59:59.999Z` }
    const population = await readPopulation(range, (done, all) => setFar([done, all]))
    save(population, `ended-${from}-${to}.${as}`, as)
    return population
  })
  const send = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget, submitterOf(event))
    const read = (name: string) => {
      const value = fields.get(name)
      return typeof value === 'string' ? value : ''
    }
    setFar(undefined)
    act.mutate({ from: read('from'), to: read('to'), as: read('as') })
  }
  const now = Date.now()
  return (
    <Panel title="For an audit" id="audit">
      <p className="muted">
        Every app that ended in these days (UTC), from the log, and what is still ending: of each
        the certificate’s hash, the entry that seals it, and how its end was proven.
      </p>
      <div>
        <form className="filters" onSubmit={send}>
          <label>
            From <input type="date" name="from" required defaultValue={dayOf(now - monthMs)} />
          </label>
          <label>
            to <input type="date" name="to" required defaultValue={dayOf(now)} />
          </label>
          <button type="submit" className="second" name="as" value="csv" disabled={act.isPending}>
            Save as CSV
          </button>
          <button type="submit" className="second" name="as" value="json" disabled={act.isPending}>
            Save as JSON
          </button>
          <Progress of={act} />
        </form>
      </div>
      {act.isPending && far !== undefined && (
        <p className="muted">
          {far[0]} of {many(far[1], 'app')} read
        </p>
      )}
      {act.error !== null && <ProblemBox of={act.error} />}
      {act.data !== undefined && <p role="status">{sayOf(act.data)}</p>}
    </Panel>
  )
}

function sayOf({ apps, log }: Population): string {
  const proven = apps.filter(({ proof, isSealed }) => proof === 'verified-gone' && isSealed).length
  const rest = apps.length - proven
  const of = `${many(apps.length, 'app')}, of a log of ${many(log.size, 'entry', 'entries')}`
  return `${of}: ${proven} verified gone, with the certificate the log seals; ${rest} not.`
}

/** The button that was pressed says which form is wanted. */
function submitterOf({ nativeEvent }: FormEvent): HTMLElement | null {
  return nativeEvent instanceof SubmitEvent ? nativeEvent.submitter : null
}

function save(population: Population, name: string, as: string): void {
  const text = as === 'csv' ? csvOf(population) : `${JSON.stringify(population, null, 2)}\n`
  const type = as === 'csv' ? 'text/csv' : 'application/json'
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
