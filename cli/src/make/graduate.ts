/** How a prototype becomes a managed service: what it still needs for that, and the asking for it. */
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, ask, type Cli } from '../cli.ts'
import { usage } from '../problem.ts'
import { requestLines } from '../verbs/cards.ts'
import { reasonOf, said, segment } from '../verbs/kit.ts'

/** With `--check`, and where something is open, it tells; else it asks the people who must agree. */
export async function graduate(cli: Cli, named?: string): Promise<Answer> {
  const slug = appOf(cli, named)
  const path = `/v1/apps/${segment(slug)}/graduate`
  const view = (await cli.api.get(path)) as api.GraduationView
  const open = view.checks.find(({ ok }) => !ok)
  const next = open?.next ?? `graduate ${slug} --to "Ada Lind" --team sales-systems`
  if (cli.options.is('check') || open !== undefined)
    return said(view, [checkLines(slug, view), next, open === undefined])
  const request = (await cli.api.post(path, await bodyOf(cli))) as api.RequestView
  return said(request, [requestLines(request, cli.host.now()), `request show ${request.shortId}`])
}

async function bodyOf(cli: Cli) {
  const { options } = cli
  const kept = options.list('keep') ?? []
  const because = options.text('because') ?? ''
  if (kept.length > 0 && because === '')
    throw usage('What was not used is kept for a reason.', '--keep crm.deals --because "…"')
  return {
    to: options.text('to') ?? (await ask(cli, 'Who takes it? Not you.', '--to "Ada Lind"')),
    team: options.text('team') ?? (await ask(cli, 'For which team?', '--team sales-systems')),
    backup: options.text('backup') ?? (await ask(cli, 'Who is backup?', '--backup "Tom Reyes"')),
    slug: options.text('name'),
    days: options.count('days'),
    keep: Object.fromEntries(kept.map(resource => [resource, because])),
    reason: await reasonOf(cli),
  }
}

function checkLines(slug: string, { checks, grants }: api.GraduationView): string[] {
  const done = checks.filter(({ ok }) => ok).length
  return [
    `${slug}   ${done} of ${checks.length} done`,
    ...checks.map(({ ok, says, next }) =>
      ok ? `  ${glyph.ok} ${says}` : `  ${glyph.wait} ${says}   leasehold ${next}`,
    ),
    ...grants.map(grantLine),
  ]
}

/** Rights never grow: what was used goes on, what was not stays behind unless it is asked for. */
function grantLine({ resource, granted, used }: api.GraduationView['grants'][number]): string {
  const left = granted.filter(action => !used.includes(action))
  const rest = left.length === 0 ? '' : `; ${left.join(', ')} never, and stays behind: --keep`
  return `  ${resource}   used ${used.join(', ') || 'for nothing'}${rest}`
}
