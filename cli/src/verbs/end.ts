/** `end`: shows the plan, asks, has it carried out, and brings the certificate home. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateFile, OffboardingView } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { appOf, type Cli, confirm } from '../cli.ts'
import { failed } from '../problem.ts'
import { writeCertificateFile } from '../proof/certificate-file.ts'
import { moment } from '../time.ts'
import { said, segment, stateWord } from './kit.ts'

const watchMs = 60_000
const lookMs = 300

export async function endApp(cli: Cli, named?: string): Promise<Answer> {
  const slug = appOf(cli, named)
  const path = `/v1/apps/${segment(slug)}/end`
  const plan = (await cli.api.post(path, {}, { isLook: true })) as OffboardingView
  const lines = [
    `Ending ${slug} removes ${plan.items.length} things, in this order:`,
    ...plan.items.map(item => `  ${item.order}  ${item.kind}  ${item.name}   ${item.system}`),
  ]
  if (cli.options.is('dryRun')) return said(plan, [lines, `end ${slug}`])
  if (plan.state !== 'verified-gone') {
    for (const line of lines) cli.out.note(line)
    if (!(await confirm(cli, `End ${slug}? It can not be undone.`)))
      throw failed('Nothing was ended.', `leasehold status ${slug}`)
    const body = { planHash: plan.planHash, reason: cli.options.text('reason') }
    await cli.api.post(path, body, { timeoutMs: watchMs })
  }
  return ended(cli, slug, await watch(cli, path))
}

/** Tells of each thing once it is decided; stops when all are, or when the server will try later. */
async function watch(cli: Cli, path: string): Promise<OffboardingView> {
  const told = new Set<number>()
  for (const start = cli.host.now(); ; await cli.host.sleep(lookMs)) {
    const view = (await cli.api.get(path)) as OffboardingView
    const news = view.items.filter(({ order, state }) => state !== 'to-do' && !told.has(order))
    for (const { order, state, name, system, because } of news) {
      told.add(order)
      cli.out.note(`  ${stateWord(state)}   ${name}   ${system}   ${because ?? ''}`)
    }
    const isOver = ['verified-gone', 'not-green'].includes(view.state) && view.certifiedAt !== null
    if (isOver || cli.host.now() - start > watchMs) return view
  }
}

async function ended(cli: Cli, slug: string, view: OffboardingView): Promise<Answer> {
  const isGreen = view.state === 'verified-gone'
  const { green, of, nextTryAt } = view
  const lines = [`${slug}: ${isGreen ? glyph.ok : glyph.wait} ${green} of ${of} verified gone`]
  if (nextTryAt !== null) lines.push(`  Looking again ${moment(nextTryAt, cli.host.now())}`)
  if (view.certifiedAt === null) return said(view, [lines, `end ${slug}`, isGreen])
  const file = (await cli.api.get(`/v1/apps/${segment(slug)}/certificate`)) as CertificateFile
  const name = `${slug}.end.json`
  writeFileSync(join(cli.host.cwd, name), writeCertificateFile(file))
  return said(view, [[...lines, `  End certificate written   ${name}`], `verify ${name}`, isGreen])
}
