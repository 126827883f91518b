/** The card of a request: what is asked, what a yes gives, the worst that can come of it. */
import { answerTable, type RequestKind, type RequestRow } from '../../core/approval/rows.ts'
import { type Budget, resourceTable } from '../../core/grant/rows.ts'
import { listWhere } from '../../core/ledger/fact-table.ts'
import { query, statement } from '../../core/store/store.ts'
import { taskTable } from '../../core/task/rows.ts'
import { sayBudget } from '../../life/budget/budget.ts'
import { shortId } from '../../life/lists/short-id.ts'
import type { Graduation } from '../../life/offboard/graduate.ts'
import type { RequestView } from './contract.ts'
import { nameOf, readNames } from './show.ts'
import type { ApiWorld } from './world.ts'

export async function requestView(world: ApiWorld, request: RequestRow): Promise<RequestView> {
  return (await cardsOf(world, [request]))(request)
}

/** How requests are shown: answers, names and what came of them are read once for all of them. */
export async function cardsOf(world: ApiWorld, requests: readonly RequestRow[]) {
  const ids = requests.map(({ id }) => id)
  const theirs = statement`and request_id = any(${ids}) order by at, id`
  const [all, made] = await Promise.all([
    listWhere(world.store, answerTable, {}, theirs),
    findMade(world, ids),
  ])
  const people = requests.flatMap(({ askedBy, approvers }) => [askedBy, ...approvers])
  const name = await readNames(world, [...people, ...all.map(({ personId }) => personId)])
  return (request: RequestRow): RequestView => {
    const body = JSON.parse(request.body) as Body
    const app = request.appId && nameOf(world, request.appId)
    const askedBy = name(request.askedBy)
    const answers = all.filter(({ requestId }) => requestId === request.id)
    const [asks, gives, worst] = cards[request.kind](world, body, app ?? '')
    return {
      ...request,
      shortId: shortId('request', request.id),
      app,
      askedBy,
      body,
      says: `${askedBy} asks ${asks}`,
      gives,
      worst,
      approvers: request.approvers.map(name),
      answers: answers.map(answer => ({ ...answer, person: name(answer.personId) })),
      made: made.get(request.id) ?? null,
    }
  }
}

async function findMade({ store }: ApiWorld, ids: readonly string[]) {
  const made = await query<{ of: string; id: string }>(store)`
    select asked as of, id from unnest(${ids}::text[]) asked join app on id = 'ap_' || substr(asked, 4)
    union all select request_id, id from app_grant where request_id = any(${ids})
    union all select request_id, id from bundle where request_id = any(${ids})
    union all select request_id, id from trust_rule where request_id = any(${ids})`
  // A graduation leads to an app and to grants of it: the app is what it made.
  return new Map(made.toReversed().map(each => [each.of, each.id]))
}

type Card = readonly [asks: string, gives: readonly string[], worst: string | null]

type Body = Record<string, unknown>

const cards: Readonly<Record<RequestKind, (world: ApiWorld, body: Body, app: string) => Card>> = {
  grant: grantCard,
  call: callCard,
  trust: (_, body, app) => [
    `who may speak for ${app}`,
    [`${String(body['preset'])} · ${String(body['issuer'])}`, JSON.stringify(body['claims'])],
    'Whoever matches these claims can act as the app, inside its grants.',
  ],
  policy: (_, body) => [
    'to change the policy',
    [`bundle ${String(body['makes']).slice(0, 12)}`, ...String(body['file']).split('\n')],
    'Every decision from then on is made under it.',
  ],
  watch: (_, body, app) => [
    `that ${app} be watched, not held to policy`,
    [`until ${String(body['until'])}`, 'for what it reads and writes'],
    'What policy denies goes on until then, and is recorded as that.',
  ],
  share: (_, _body, app) => [
    `that everybody who signs in here may open ${app}`,
    ['its pages, as they are shown', 'until it ends, or its owner says otherwise'],
    'Whatever it shows is seen by all of them.',
  ],
  graduate: (_, body, app) => graduateCard(body as unknown as Graduation, app),
}

/** Exactly what will go on, once. */
function callCard({ replica }: ApiWorld, body: Body, app: string): Card {
  const resource = replica.get(resourceTable, String(body['resourceId']))
  const task = replica.get(taskTable, String(body['taskId']))
  const touched = task?.touched.join(', ') || 'nothing'
  return [
    `that ${app} may ${String(body['action']).toUpperCase()} ${resource?.slug ?? 'something'}, once`,
    [
      String(body['asked']),
      ...JSON.stringify(body['said'], null, 2).split('\n'),
      `data class ${resource?.dataClass ?? 'unknown'}`,
      `in a task for ${task?.purpose ?? 'something that is over'}; it has had ${touched} data`,
    ],
    'It happens at the system itself, exactly as written here, and may not be undone.',
  ]
}

function graduateCard({ successor, grants }: Graduation, app: string): Card {
  const said = grants.map(({ resource, granted, used, actions, because }) => {
    const gets = actions.length === 0 ? 'nothing, left behind' : actions.join(', ')
    return `${resource}: ${gets} (granted ${granted.join(', ')}; used ${used.join(', ') || 'nothing'}) ${because ?? ''}`
  })
  return [
    `that ${successor.slug}, a managed service of ${successor.team}, take over from ${app}`,
    [...said, 'identities of its own', `until ${successor.endsAt}`],
    `Once it works, all access of ${app} ends within a minute, and is proven gone.`,
  ]
}

function grantCard(world: ApiWorld, body: Body, app: string): Card {
  const resource = world.replica.get(resourceTable, String(body['resourceId']))
  const columns = (body['columns'] as string[]).length
  const hidden = resource?.columns.filter(column => column.hidden).map(column => column.name) ?? []
  const actions = (body['actions'] as string[]).join(', ')
  const hides = hidden.length > 0 ? `, hidden: ${hidden.join(', ')}` : ''
  return [
    `that ${app} may ${actions.toUpperCase()} ${resource?.slug ?? 'something'}`,
    [
      `${columns} of ${resource?.columns.length ?? columns} columns${hides}`,
      `data class ${resource?.dataClass ?? 'unknown'}`,
      `until ${String(body['endsAt'])}`,
      ...(body['budget'] ? [`at most ${sayBudget(body['budget'] as Budget)}`] : []),
      body['unattended'] === true ? 'also when nobody watches' : 'only in a task somebody started',
    ],
    `A stolen credential could ${actions} these columns until its term ends, 15 minutes at most.`,
  ]
}
