/**
 * Opens a day: looks at every connected system, then makes for each team what it begins with. Each step
 * is one call that is looked for before it is made, so the same word again goes on where it stopped.
 *
 * Who types it owns each app until it is set up, then offers it to the team's driver: nobody answers for
 * what they have not accepted, and nothing here is a right that a person has not.
 */
import type { AddTrust, AppDetail, MakeApp } from '../../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../../answer.ts'
import type { Cli } from '../../cli.ts'
import { failed, Problem } from '../../problem.ts'
import { said, segment } from '../../verbs/kit.ts'
import { type Checked, checkDay, findPerson, firstLease, planOf, waitingLines } from './check.ts'
import { lookEverywhere } from './inventory.ts'
import { type Day, type Team, together } from './plan.ts'
import { again, findApp, send, spread, tried } from './work.ts'

export async function openDay(cli: Cli, day: Day, file: string): Promise<Answer> {
  const start = cli.host.now()
  // 1. Everything that can be known before is right, or nothing is made.
  const { faults, systems, ...known } = await checkDay(cli, day)
  if (faults.length > 0) throw together(faults)
  const broken = systems.find(({ ok }) => !ok)
  if (broken) throw failed(`${broken.name}: ${broken.says}`, `leasehold day check ${file}`)
  // 2. What is there before the first app: what comes later was made while the day was on.
  const isBegun = (await spread(day.teams, ({ name }) => findApp(cli, name))).some(Boolean)
  const looks = isBegun ? [] : await lookEverywhere(cli)
  const blind = looks.find(({ looked }) => !looked)
  if (blind) throw failed(`${blind.system} was not looked at: ${blind.because}`, 'leasehold doctor')
  // 3. Each team by itself: one that can not be made holds up no other.
  const made = await spread(day.teams, async team => {
    const done = await tried(() => again(cli, () => openTeam(cli, day, { ...known, team })))
    const isWrong = done instanceof Problem
    cli.out.note(`  ${isWrong ? glyph.bad : glyph.done} ${team.name}`)
    return isWrong ? [`  ${glyph.bad} row ${team.row}, ${team.name}: ${done.text.what}`] : []
  })
  const wrong = made.flat()
  const teams = await spread(day.teams, team => firstLease(cli, day, team))
  const result = { ...planOf(day), opened: made.length - wrong.length, systems: looks, teams }
  const isGood = wrong.length === 0
  const seconds = Math.round((cli.host.now() - start) / 1000)
  const seen = looks.map(({ system, things }) => `${system} ${things}`).join(', ')
  const lines = [
    ...(isBegun ? [] : [`${glyph.done} looked at ${looks.length} systems; not ours: ${seen}`]),
    `${isGood ? glyph.done : glyph.wait} ${result.opened}/${made.length} teams opened in ${seconds} s`,
    ...wrong,
    ...waitingLines(teams),
  ]
  return said(result, [lines, `day ${isGood ? 'watch' : 'open'} ${file}`, isGood])
}

type Opening = Pick<Checked, 'resources' | 'me'> & { readonly team: Team }

/** INVARIANT: offered last. An app that is not this person's any more is set up. */
async function openTeam(cli: Cli, day: Day, { team, me, resources }: Opening): Promise<void> {
  const path = `/v1/apps/${segment(team.name)}`
  const app = (await findApp(cli, team.name)) ?? (await makeApp(cli, day, team))
  if (app.owner.id !== me.id || app.offeredTo !== null || app.state !== 'active') return
  if (!app.purposes.some(({ name }) => name === team.template))
    await send(cli, `${path}/manifest`, { yaml: manifestOf(team) }, { method: 'PUT' })
  if (!app.trust.some(({ preset, state }) => preset === 'person' && state === 'active'))
    await send(cli, `${path}/trust`, byHand)
  // What was answered with a no, or given back, is not asked for again by a machine.
  const asked = new Set(
    app.requests.map(({ body }) => (body as { resourceId?: string }).resourceId),
  )
  const reason = `${day.name}: ${team.purpose}`.slice(0, 500)
  for (const { resource, actions, budget } of team.needs)
    if (!asked.has(resources.get(resource)?.id))
      await send(cli, '/v1/requests', { app: team.name, resource, actions, budget, reason })
  const driver = await findPerson(cli, team.driver)
  if (driver.id !== me.id) await send(cli, `${path}/transfer`, { to: team.driver })
}

function makeApp(cli: Cli, day: Day, { name, purpose, engineer: backup }: Team) {
  const of = { team: name, day: day.name, endsAt: day.ends }
  return send<AppDetail>(cli, '/v1/apps', { slug: name, purpose, backup, ...of } satisfies MakeApp)
}

/** Who owns it and who stands in may do its work by hand, as themselves. */
const byHand: AddTrust = {
  role: 'run',
  preset: 'person',
  claims: { as: ['owner', 'backup'] },
  reason: 'the team works by hand on its day',
}

/** Texts are written as JSON writes them, which YAML reads. */
export function manifestOf({ name, template, says, needs }: Team): string {
  const list = needs.map(
    ({ resource, actions }) =>
      `\n      - resource: ${JSON.stringify(resource)}\n        actions: [${actions.join(', ')}]`,
  )
  const needed = list.length === 0 ? ' []' : list.join('')
  return `app: ${name}\npurposes:\n  ${template}:\n    says: ${JSON.stringify(says)}\n    needs:${needed}\n`
}
