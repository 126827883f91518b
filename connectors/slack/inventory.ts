/**
 * What is there, by plan: bots for everybody, the log of integrations for an admin of a paid plan, apps
 * that were approved or restricted for an Enterprise organisation.
 *
 * INVARIANT: no address of a webhook or feed is in what is given back.
 */
import type { Json, JsonObject } from '../../src/core/base/json.ts'
import { fromMs, type Instant } from '../../src/core/base/time.ts'
import type { Found } from '../../src/core/target/target.ts'
import { type List, notShown, partOf, rowsOf, textOf, thing } from '../rest/lists.ts'
import type { Call, Slack } from './api.ts'

const most = { perPage: 200, logPages: 10, logPerPage: 1_000 }

/** Whatever the plan is. */
export const never = [
  { what: 'tokens of other apps, and who holds them', needs: 'what Slack shows to nobody' },
  { what: 'when an app or a webhook was used last', needs: 'what Slack shows to nobody' },
]

interface Kind extends Pick<List, 'what' | 'needs' | 'isOpen'> {
  readonly call: Call
  readonly foundIn: (body: JsonObject) => Found[]
}

export function openLists(slack: Slack) {
  const { botToken, adminToken: as = '', plan, enterpriseId } = slack.config
  const appsThat = (state: 'approved' | 'restricted') => ({
    what: `apps that were ${state}`,
    needs: 'Enterprise, and `adminToken` of an org admin with `admin.apps:read`',
    isOpen: plan === 'enterprise' && as !== '',
    call: {
      as,
      method: `admin.apps.${state}.list`,
      query: { ...(enterpriseId && { enterprise_id: enterpriseId }) },
    },
    foundIn: (body: JsonObject) => rowsOf(body, `${state}_apps`).map(row => appOf(state, row)),
  })
  const bots = {
    what: 'bots',
    needs: '`users:read` of the bot',
    isOpen: true,
    call: { as: botToken, method: 'users.list' },
    foundIn: (body: JsonObject) => rowsOf(body, 'members').filter(isLivingBot).map(botOf),
  }
  const log = {
    what: 'installed integrations and incoming webhooks, who added them and what changed last',
    needs: '`adminToken` of an admin with `admin`, `users:read`, on a paid plan',
    isOpen: as !== '',
    call: { as, method: 'team.integrationLogs' },
    foundIn: (body: JsonObject) => integrationsOf(rowsOf(body, 'logs')),
  }
  return {
    bots: paged(slack, bots),
    log: inOneGo(slack, log),
    approved: paged(slack, appsThat('approved')),
    restricted: paged(slack, appsThat('restricted')),
  }
}

function paged(slack: Slack, kind: Kind): List {
  return {
    ...kind,
    async page(at, signal, rows = most.perPage) {
      const query = { ...kind.call.query, limit: String(rows), ...(at && { cursor: at }) }
      const { body, error } = await slack.call({ ...kind.call, query }, signal)
      if (error !== null) return notShown(kind, error)
      const next = textOf(partOf(body, 'response_metadata')['next_cursor'])
      return { found: kind.foundIn(body), next }
    },
  }
}

/** The log is of changes: what is there is what they come to. It is read up to a bound that is told. */
function inOneGo(slack: Slack, kind: Kind): List {
  const page: List['page'] = async (_, signal, rows = most.logPerPage) => {
    const { plan, botToken } = slack.config
    const of = plan === 'enterprise' && { team_id: (await slack.whoIs(botToken, signal)).team }
    const logs: Json[] = []
    for (let at = 1; at <= most.logPages; at++) {
      const query = { count: String(rows), page: String(at), ...of }
      const { body, error } = await slack.call({ ...kind.call, query }, signal)
      if (error !== null) return notShown(kind, error)
      logs.push(...rowsOf(body, 'logs'))
      const isLast = at >= Number(partOf(body, 'paging')['pages'] ?? 1)
      if (isLast || rows === 1) return { found: kind.foundIn({ logs }), next: '' }
    }
    const what = `changes of integrations before the last ${logs.length}`
    return { found: kind.foundIn({ logs }), next: '', lacks: { what, needs: 'a shorter log' } }
  }
  return { ...kind, page }
}

const isLivingBot = (row: JsonObject) => row['is_bot'] === true && row['deleted'] !== true

function botOf(row: JsonObject): Found {
  const { api_app_id: app = null, bot_id: bot = null } = partOf(row, 'profile')
  const id = textOf(row['id'])
  const details = { app, bot, changedAt: instantOf(row['updated']) }
  return thing({ id: `bot ${id}`, kind: 'account', name: textOf(row['name']), details }, '')
}

/** Each once, by its last change; what was removed last is not there. */
function integrationsOf(logs: readonly JsonObject[]): Found[] {
  const newestFirst = logs.toSorted((a, b) => Number(b['date']) - Number(a['date']))
  const all = Map.groupBy(newestFirst, row => textOf(row['app_id'] ?? row['service_id']))
  return [...all].flatMap(([id, [last = {}, ...before]]) => {
    if (id === '' || last['change_type'] === 'removed') return []
    const changes = [last, ...before]
    const added = changes.find(each => each['change_type'] === 'added') ?? {}
    const isHook = changes.some(each => /\bincoming-webhook\b/.test(textOf(each['scope'])))
    const { change_type: lastChange, user_name: changedBy, app_type: app, ...about } = last
    const { scope = null, channel = null, service_type: service, date } = about
    const by = { lastChange: textOf(lastChange), changedBy: textOf(changedBy) }
    const found = {
      id: `integration ${id}`,
      kind: isHook ? 'hook' : 'app',
      name: textOf(app ?? service),
      madeAt: instantOf(added['date']),
      details: { ...by, changedAt: instantOf(date), scope, channel },
    } as const
    return thing(found, textOf(added['user_name']))
  })
}

function appOf(state: string, row: JsonObject): Found {
  const { id, name, is_internal: isInternal = null } = partOf(row, 'app')
  const changedBy = partOf(row, 'last_resolved_by')['actor_id'] ?? null
  const scopes = rowsOf(row, 'scopes').map(scope => textOf(scope['name']))
  const changedAt = instantOf(row['date_updated'])
  const details = { state, changedBy, changedAt, isInternal, scopes }
  return thing({ id: `${state} ${textOf(id)}`, kind: 'app', name: textOf(name), details }, '')
}

/** Slack counts seconds, as a number or as a text. */
function instantOf(value: Json | undefined): Instant | null {
  const seconds = Number(textOf(value))
  return seconds > 0 && seconds < 1e11 ? fromMs(Math.floor(seconds) * 1000) : null
}
