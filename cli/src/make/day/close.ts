/**
 * Closes a day: ends every app of it that nobody named may let live on, looks at every system, and writes
 * the report; or refuses with all that keeps it open. Ending is done in any case: only the word "closed" is
 * refused.
 */
import type { OffboardingView } from '../../../../src/doors/api/contract.ts'
import { type Answer, mark } from '../../answer.ts'
import { ask, type Cli } from '../../cli.ts'
import { failed, Problem } from '../../problem.ts'
import { segment } from '../../verbs/kit.ts'
import type { Day } from './plan.ts'
import { tellStanding } from './report.ts'
import { type AppStand, bySystem, readApps } from './stand.ts'
import { again, read, send, spread, tried } from './work.ts'

const patienceMs = 60_000
const lookMs = 500

export async function closeDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const start = cli.host.now()
  const { apps } = await readApps(cli, day)
  if (apps.length === 0)
    throw failed(`${day.name} was never opened: no app is of it.`, `leasehold day open ${file}`)
  const toEnd = apps.filter(({ how }) => how === 'not-yet')
  await agree(cli, day, toEnd)
  await spread(toEnd, async ({ app }) => {
    const done = await tried(() => again(cli, () => endApp(cli, app)))
    const [isGone, says] =
      done instanceof Problem
        ? [false, done.text.what]
        : [done.state === 'verified-gone', `${done.green} of ${done.of} verified gone`]
    cli.out.note(`  ${mark(isGone)} ${app}   ${says}`)
  })
  // What could not be ended keeps the day open, and is told with all else that does.
  return tellStanding(cli, day, { start, isAsked: false, next: `day close ${file}` })
}

/** The day's name is typed by a person; `--yes` for what nobody watches. */
async function agree(cli: Cli, { name }: Day, toEnd: readonly AppStand[]): Promise<void> {
  const removes = bySystem(toEnd).map(({ system, of }) => `${of} at ${system}`)
  cli.out.note(`${toEnd.length} apps end now, and with them ${removes.join(', ') || 'nothing'}.`)
  if (toEnd.length === 0 || cli.options.is('yes') || cli.options.is('dryRun')) return
  const typed = await ask(cli, `Type "${name}" to end ${toEnd.length} apps:`, '--yes')
  if (typed !== name) throw failed('Nothing was ended.', 'leasehold ls')
}

/** The plan as it is now is what is carried out; waits until it is decided, or is tried again later. */
async function endApp(cli: Cli, slug: string): Promise<OffboardingView> {
  const path = `/v1/apps/${segment(slug)}/end`
  for (const start = cli.host.now(); ; await cli.host.sleep(lookMs)) {
    const isOver = cli.host.now() - start > patienceMs
    const { planHash } = await send<OffboardingView>(cli, path, {}, { isLook: true })
    const done = await tried(() => send<OffboardingView>(cli, path, { planHash }))
    // A lease of it was made or ended between the two: the plan is another.
    if (done instanceof Problem && done.text.code === 'hash-mismatch' && !isOver) continue
    if (done instanceof Problem) throw done
    for (;;) {
      const view = await read<OffboardingView>(cli, path)
      const isDecided = /^(verified-gone|not-green)$/.test(view.state) && view.certifiedAt !== null
      if (isDecided || cli.host.now() - start > patienceMs) return view
      await cli.host.sleep(lookMs)
    }
  }
}
