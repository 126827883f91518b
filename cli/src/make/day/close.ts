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
import { standingLines } from './show.ts'
import {
  type AppStand,
  bySystem,
  readApps,
  readStanding,
  type Standing,
  summaryOf,
} from './stand.ts'
import { read, send, spread, tried } from './work.ts'

const patienceMs = 60_000
const lookMs = 500

export async function closeDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const start = cli.host.now()
  const apps = await readApps(cli, day)
  if (apps.length === 0)
    throw failed(`${day.name} was never opened: no app is of it.`, `leasehold day open ${file}`)
  const toEnd = apps.filter(({ how }) => how === 'not-yet')
  await agree(cli, day, { apps, toEnd })
  const wrong = await spread(toEnd, async ({ app }) => {
    const done = await tried(() => endApp(cli, app))
    const [text, sign] = done instanceof Problem ? [done.text.what, glyph.bad] : told(done)
    cli.out.note(`  ${sign} ${app.padEnd(20)} ${text}`)
    return done instanceof Problem ? [`  ${glyph.bad} ${app}: ${done.text.what}`] : []
  })
  const standing = await readStanding(cli, day)
  const seconds = (cli.host.now() - start) / 1000
  const lines = [...standingLines(standing, seconds), ...wrong.flat()]
  const shown = { day: day.name, ...summaryOf(standing), seconds, report: null }
  if (standing.blocks.length > 0 || wrong.flat().length > 0)
    return said(shown, [[...lines, ...blockLines(standing)], `day close ${file}`, false])
  const report = await writeReport(cli, day, standing)
  const done = [`  ${glyph.ok} ${day.name} is closed.`, `  Report written   ${report}`]
  return said({ ...shown, report }, [[...lines, ...done], `verify ${report}`])
}

function told({ green, of, state }: OffboardingView): [string, string] {
  return [`${green} of ${of} verified gone`, mark(state === 'verified-gone')]
}

/** The day's name is typed by a person; `--yes` for what nobody watches. */
async function agree(
  cli: Cli,
  { name }: Day,
  { apps, toEnd }: Record<'apps' | 'toEnd', readonly AppStand[]>,
): Promise<void> {
  const count = (how: AppStand['how']) => apps.filter(each => each.how === how).length
  cli.out.note(
    `${apps.length} apps: ${count('verified-gone')} gone · ${count('graduated')} graduated · ${count('extended')} extended · ${toEnd.length} end now`,
  )
  for (const { system, of } of bySystem(toEnd))
    cli.out.note(`  ${system.padEnd(16)} ${of} to remove`)
  if (toEnd.length === 0 || cli.options.is('yes') || cli.options.is('dryRun')) return
  const typed = await ask(cli, `Type "${name}" to end ${toEnd.length} apps:`, '--yes')
  if (typed !== name) throw failed('Nothing was ended.', 'leasehold ls')
}

/** The plan as it is now is what is carried out; waits until it is decided, or is tried again later. */
async function endApp(cli: Cli, slug: string): Promise<OffboardingView> {
  const path = `/v1/apps/${segment(slug)}/end`
  for (const start = cli.host.now(); ; await cli.host.sleep(lookMs)) {
    const { planHash } = await send<OffboardingView>(cli, path, {}, { isLook: true })
    const done = await tried(() => send<OffboardingView>(cli, path, { planHash }))
    // A lease of it was made or ended between the two: the plan is another.
    const isOther = done instanceof Problem && done.text.code === 'hash-mismatch'
    if (isOther && cli.host.now() - start < patienceMs) continue
    if (done instanceof Problem) throw done
    return waitFor(cli, path, start)
  }
}

async function waitFor(cli: Cli, path: string, start: number): Promise<OffboardingView> {
  for (;;) {
    const view = await read<OffboardingView>(cli, path)
    const isOver = view.certifiedAt !== null && ['verified-gone', 'not-green'].includes(view.state)
    if (isOver || cli.host.now() - start > patienceMs) return view
    await cli.host.sleep(lookMs)
  }
}

function blockLines({ blocks }: Standing): string[] {
  return [
    `  ${glyph.bad} Not closed, for ${blocks.length} ${blocks.length === 1 ? 'reason' : 'reasons'}:`,
    ...blocks
      .slice(0, 50)
      .map(({ about, system, says }) => `    ${system ?? ''}  ${about}: ${says}`),
    ...(blocks.length > 50 ? [`    … and ${blocks.length - 50} more`] : []),
  ]
}
