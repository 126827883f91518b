/** Which entry of the log gave a task the data that a rule hangs on: for a no that names it. */
import type { TaskId } from '../../core/base/ids.ts'
import type { Denial } from '../../core/policy/question.ts'
import type { Sql } from '../../core/store/store.ts'
import { findEntries } from '../audit/rows.ts'
import { bounds } from './bounds.ts'
import { touchFact } from './levers.ts'

const sensitive = ['customer', 'hr', 'secret']

/** The same, with the entry in place of where the fact comes from; as it is where there is none yet. */
export async function nameTouch(sql: Sql, denial: Denial, taskId: TaskId | null): Promise<Denial> {
  if (taskId === null || !denial.because.some(({ fact }) => fact === touchFact)) return denial
  const filter = { subject: taskId, kind: 'lease.intend', after: -1 }
  const entries = await findEntries(sql, filter, bounds.touches)
  const gave = entries.find(({ facts }) => touchedIn(facts).some(each => sensitive.includes(each)))
  if (gave === undefined) return denial
  const from = `log entry #${gave.position}`
  const because = denial.because.map(each => (each.fact === touchFact ? { ...each, from } : each))
  return { ...denial, because }
}

/** What the task had had after that entry, by the image of its row. */
function touchedIn(facts: string): readonly string[] {
  const { rows = [] } = JSON.parse(facts) as {
    rows?: { table: string; row: { touched?: string[] } }[]
  }
  return rows.find(({ table }) => table === 'task')?.row.touched ?? []
}
