/**
 * Closes a day: ends every app of it that nobody named may let live on, looks at every system, and writes
 * the report; or refuses with all that keeps it open. Ending is done in any case: only the word "closed" is
 * refused.
 */
import type { OffboardingView } from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../../answer.ts'
import { ask, type Cli } from '../../cli.ts'
import { failed, Problem } from '../../problem.ts'
import { said, segment } from '../../verbs/kit.ts'
import type { Day } from './plan.ts'
import { writeReport } from './report.ts'
import { blockLines, standingLines } from './show.ts'
import { type AppStand, bySystem, readApps, readStanding } from './stand.ts'
import { read, send, spread, tried } from './work.ts'

const patienceMs = 60_000
const lookMs = 500

export async function closeDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const start = cli.host.now()
  const { apps } = await readApps(cli, day)
  if (apps.length === 0)
    throw failed(`${day.name} was never opened: no app is of it.`, `leasehold day open ${file}`)
  const toEnd = apps.filter(({ how }) => how === 'not-yet')
  await agree(cli, day, toEnd)
  const wrong = await spread(toEnd, async ({ app }) => {
    const done = await tried(() => endApp(cli, app))
    if (done instanceof Problem) return [`  ${glyph.bad} ${app}: ${done.text.what}`]
    const { green, of, state } = done
    cli.out.note(`  ${mark(state === 'verified-gone')} ${app}   ${green} of ${of} verified gone`)
    return []
  })
  const standing = await readStanding(cli, day)
  const seconds = (cli.host.now() - start) / 1000
  const lines = [...standingLines(standing, seconds), ...wrong.flat()]
  const isClosed = standing.blocks.length === 0
  const report = isClosed ? await writeReport(cli, day, standing) : null
  const { apps: all, ...told } = standing
  const names = all.map(({ items: _, ...each }) => each)
  const result = { day: day.name, ...told, apps: names, bySystem: bySystem(all), seconds, report }
  if (report === null)
    return said(result, [[...lines, ...blockLines(standing)], `day close ${file}`, false])
  const done = [`  ${glyph.ok} ${day.name} is closed.`, `  Report written   ${report}`]
  return said(result, [[...lines, ...done], `verify ${report}`])
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
