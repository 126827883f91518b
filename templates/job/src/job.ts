/** The job: reads its rows and says what it found. Exits with 1 where it was refused, so that a schedule notices. */
import { loadData } from './data.ts'
import { reportOf } from './report.ts'

const data = await loadData(process.env)
process.stdout.write(`${reportOf(data)}\n`)
process.exitCode = data.kind === 'refused' ? 1 : 0
