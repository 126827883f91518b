/** `ship`: who may open the app, and where. What answers there is what `dev` runs here. */
import type { AppDetail, RequestView } from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../../answer.ts'
import { appOf, type Cli } from '../../cli.ts'
import { usage } from '../../problem.ts'
import { dayTime } from '../../time.ts'
import { requestLines } from '../../verbs/cards.ts'
import { readApp, reasonOf, said, segment } from '../../verbs/kit.ts'
import { deploy } from './deploy.ts'

/** People take the place of those before; with `--with-all` everybody may, once somebody else agreed. */
export async function ship(cli: Cli): Promise<Answer> {
  const { options, api, host } = cli
  if (options.is('deploy')) return deploy(cli)
  const path = `/v1/apps/${segment(appOf(cli))}/share`
  const people = options.list('to')
  if (people !== undefined && (options.is('withAll') || options.is('nobody')))
    throw usage('Either people, or everybody, or nobody.', 'ship --to tom@acme.example')
  if (options.is('withAll')) {
    const reason = await reasonOf(cli)
    const request = (await api.post(`${path}-with-all`, { reason })) as RequestView
    return said(request, [requestLines(request, host.now()), `request show ${request.shortId}`])
  }
  const named = options.is('nobody') ? [] : people
  const app = named ? ((await api.post(path, { people: named })) as AppDetail) : await readApp(cli)
  return said(app, [linesOf(app, host.now()), app.openTo.length > 0 ? 'dev' : 'ship --to <person>'])
}

function linesOf({ slug, address, openTo, owner, endsAt }: AppDetail, now: number): string[] {
  const others = openTo.length > 0 ? ` and ${openTo.join(', ')}` : ''
  return [
    `${glyph.ok} ${slug}   ${address}`,
    `  who may open it   ${owner.name}, its backup${others}; each signs in first`,
    `  until             ${dayTime(endsAt, now)}; a pause cuts open pages at once`,
    '  it answers        while `leasehold dev` runs here',
  ]
}
