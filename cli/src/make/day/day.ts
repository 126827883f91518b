/** The words about a day: each reads its file whole before anything else is done. */
import type { Answer } from '../../answer.ts'
import type { Cli, Verb } from '../../cli.ts'
import { readText } from '../../files.ts'
import { checkTeams, showPlan } from './check.ts'
import { closeDay } from './close.ts'
import { openDay } from './open.ts'
import { type Day, parseDay, refusePast } from './plan.ts'
import { reportDay } from './report.ts'
import { watchDay } from './watch.ts'

/** `file` is how the person named it: what the next command is told with. */
type Run = (cli: Cli, day: Day, file: string) => Promise<Answer>

export const plan = word(showPlan, true)
export const check = word(checkTeams, true)
export const open = word(openDay, true)
export const watch = word(watchDay, false)
export const close = word(closeDay, false)
export const report = word(reportDay, false)

/** `isToCome`: not for a day that is over. */
function word(run: Run, isToCome: boolean): Verb {
  return async (cli, file = '') => {
    const day = parseDay(readText(cli.host, file))
    if (isToCome) refusePast(day, cli.host.now())
    return run(cli, day, file)
  }
}
