/** What was found at connected systems and nobody registered: whose it is, and what becomes of it. */
import type * as api from '../../../src/doors/api/contract.ts'
import { type Answer, glyph } from '../answer.ts'
import { type Cli, refuseAgent } from '../cli.ts'
import { requestLines } from './cards.ts'
import { changes, reasonOf, tableOf } from './kit.ts'

export async function found(cli: Cli, target?: string): Promise<Answer> {
  const query = target === undefined ? '' : `?target=${encodeURIComponent(target)}`
  const list = (await cli.api.get(`/v1/found${query}`)) as api.FoundList
  const { unknown, ownerless, neverEnding, items } = list
  cli.out.note(`${unknown} unknown, ${ownerless} ownerless, ${neverEnding} never-ending`)
  const keys = ['shortId', 'state', 'target', 'kind', 'name', 'owner', 'app', 'endsAt'] as const
  const free = items.find(({ state }) => state === 'found')?.shortId
  const table = tableOf(
    [...items],
    [...keys, 'lastUsedAt', 'lastSeenAt', 'stopped'],
    cli.host.now(),
  )
  return { result: list, table, next: `leasehold ${free ? `claim ${free}` : 'connect ls'}` }
}

export const claim = changes(
  'found/:1/claim',
  asPerson,
  ({ shortId, name, target }: api.FoundView) => [
    `${glyph.done} ${name} at ${target} is yours: you are asked about it from now on`,
    `adopt ${shortId} --app NAME`,
  ],
)

export const adopt = changes(
  'found/:1/adopt',
  cli => ({
    ...asPerson(cli),
    app: cli.options.text('app'),
    purpose: cli.options.text('purpose'),
    backup: cli.options.text('backup'),
    days: cli.options.count('days'),
    endsAt: cli.options.text('until'),
    dataClasses: cli.options.list('class'),
    watchDays: cli.options.count('watch'),
  }),
  ({ name, target, owner, app, state }: api.FoundView) => [
    [
      `${glyph.done} ${name} at ${target} belongs to ${app}, which ${owner} answers for: ${state}`,
      `  It is ended with ${app}; until then it works as before.`,
    ],
    `show ${app}`,
  ],
)

/** Whose it is, and who ends it, a person says. */
function asPerson(cli: Cli) {
  refuseAgent(cli)
  return {}
}

export const enforce = changes(
  'apps/:app/enforce',
  () => ({}),
  ({ slug }: api.AppView) => [
    `${glyph.done} ${slug} is held to policy: what is denied does not go on`,
    `status ${slug}`,
  ],
)

export const watch = changes(
  'apps/:app/watch',
  async cli => ({ days: cli.options.count('days') ?? 7, reason: await reasonOf(cli) }),
  (request: api.RequestView, { host }: Cli) => [
    requestLines(request, host.now()),
    `request show ${request.shortId}`,
  ],
)
