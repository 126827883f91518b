/**
 * The statements a pretend Snowflake understands: exactly those the connector sends, and what a holder of
 * a token asks in tests. Names are read by Snowflake's rule for double quotes, in code of its own.
 */
import { msBetween, toMs } from '../../../src/core/base/time.ts'
import type { FakeGrant, FakeUser, State } from './state.ts'
import * as hold from './state.ts'

export interface Asking {
  readonly state: State
  /** Undefined: the admin. */
  readonly by: { readonly user: FakeUser; readonly role: string } | undefined
  readonly binds: readonly string[]
  readonly warehouse: string | undefined
}
export type Cell = string | null
/** A result, or the number and state of an error. */
export type Outcome =
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly Cell[])[] }
  | { readonly code: string; readonly sqlState: string }

const done: Outcome = { columns: ['status'], rows: [['Statement executed successfully.']] }
const missing: Outcome = { code: '002003', sqlState: '02000' }
const noRight: Outcome = { code: '003001', sqlState: '42501' }
const exists: Outcome = { code: '002002', sqlState: '42710' }

const name = '"((?:[^"]|"")+)"'
const literal = "'((?:[^'\\\\]|''|\\\\\\\\)*)'"
const place = '("(?:[^"]|"")+"(?:\\."(?:[^"]|"")+")*)'
const unquote = (quoted: string) => quoted.replaceAll('""', '"')
const unescape = (text: string) => text.replaceAll("''", "'").replaceAll('\\\\', '\\')

/** As it shows where a thing is. */
function shownOf(quoted: string): string {
  const parts = quoted.match(/"(?:[^"]|"")+"/g) ?? []
  return parts
    .map(part => (/^"[A-Z_][A-Z0-9_$]*"$/.test(part) ? part.slice(1, -1) : part))
    .join('.')
}

type Form = readonly [RegExp, (asking: Asking, parts: readonly string[]) => Outcome]
const form = (text: string, run: Form[1]): Form => [new RegExp(`^${text}$`, 's'), run]
const pat = 'PROGRAMMATIC ACCESS TOKEN'

const forms: readonly Form[] = [
  form('SELECT CURRENT_USER\\(\\)', ({ state, by }) => ({
    columns: ['CURRENT_USER()'],
    rows: [[by?.user.name ?? state.admin.user]],
  })),
  form('SELECT CURRENT_ROLE\\(\\)', ({ state }) => ({
    columns: ['CURRENT_ROLE()'],
    rows: [[state.admin.role]],
  })),
  form(`CREATE ROLE IF NOT EXISTS ${name}`, ({ state }, [role = '']) => {
    if (!state.roles.has(role)) state.roles.set(role, [])
    return done
  }),
  form(`DROP ROLE IF EXISTS ${name}`, ({ state }, [role = '']) => {
    state.roles.delete(role)
    for (const user of state.users.values()) user.roles.delete(role)
    return done
  }),
  form(`(GRANT|REVOKE) ([A-Z]+) ON ([A-Z]+) ${place} (?:TO|FROM) ROLE ${name}`, changeGrant),
  form(`SHOW GRANTS TO ROLE ${name}`, ({ state }, [role = '']) => {
    const rows = state.roles.get(role)
    const columns = ['created_on', 'privilege', 'granted_on', 'name', 'grant_option']
    const rowOf = (each: FakeGrant) => [
      '1.0',
      each.privilege,
      each.on,
      each.name,
      String(each.option === true),
    ]
    return rows === undefined ? missing : { columns, rows: rows.map(rowOf) }
  }),
  form(`EXECUTE IMMEDIATE \\$\\$\n(.*)\n\\$\\$`, makeUser),
  form(
    `ALTER USER ${name} ADD ${pat} (?:${name}|([A-Z]+)) ROLE_RESTRICTION = ${literal} DAYS_TO_EXPIRY = 1`,
    addToken,
  ),
  form(`ALTER USER (?:IF EXISTS )?${name} REMOVE ${pat} (?:${name}|([A-Z]+))`, (asking, parts) => {
    const user = hold.userOf(asking.state, unquote(parts[0] ?? ''))
    const known = user?.pats.some(each => each.name === (parts[1] ?? parts[2]))
    if (user === undefined) return done
    if (!known) return missing
    if (asking.state.ending === 'honest')
      user.pats = user.pats.filter(each => each.name !== (parts[1] ?? parts[2]))
    return done
  }),
  form(
    `ALTER USER ${name} MODIFY ${pat} ([A-Z]+) SET DISABLED = FALSE`,
    ({ state }, [who = '', which]) => {
      const found = hold.userOf(state, who)?.pats.find(each => each.name === which)
      if (found === undefined) return missing
      found.isDisabled = false
      return done
    },
  ),
  form(`ALTER USER (IF EXISTS )?${name} SET DISABLED = (TRUE|FALSE)`, setDisabled),
  form(`ALTER USER IF EXISTS ${name} ABORT ALL QUERIES`, ({ state }, [who = '']) => {
    const user = hold.userOf(state, who)
    if (user !== undefined && state.ending === 'honest') user.running = 0
    return done
  }),
  form(`DROP USER IF EXISTS ${name}`, ({ state }, [who = '']) => {
    const user = state.users.get(who)
    if (user === undefined) return done
    user.endedAt ??= state.clock.now()
    user.ending = state.ending
    if (user.ending === 'honest') state.users.delete(who)
    return done
  }),
  form(`SHOW USERS STARTS WITH ${literal}`, ({ state }, [start = '']) =>
    listUsers(state, user => user.name.startsWith(unescape(start))),
  ),
  form(`SHOW USERS LIMIT (\\d+)(?: FROM ${literal})?`, ({ state }, [most, from = '']) =>
    listUsers(state, user => user.name >= unescape(from), Number(most)),
  ),
  form(`SHOW ROLES STARTS WITH ${literal}`, ({ state }, [start = '']) =>
    listRoles(state, role => role.startsWith(unescape(start))),
  ),
  form(`SHOW ROLES LIMIT (\\d+)(?: FROM ${literal})?`, ({ state }, [most, from = '']) =>
    listRoles(state, role => role >= unescape(from), Number(most)),
  ),
  form(`SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER ${name}`, listTokens),
  form(
    `SHOW USER WORKLOAD IDENTITY AUTHENTICATION METHODS FOR USER ${name}`,
    ({ state }, [who = '']) => ({
      columns: ['name', 'type', 'last_used'],
      rows: (state.users.get(unquote(who))?.workloads ?? []).map(each => [each, 'OIDC', null]),
    }),
  ),
  form(`DESCRIBE USER ${name}`, ({ state }, [who = '']) => ({
    columns: ['property', 'value'],
    rows: [
      ['RSA_PUBLIC_KEY_FP', state.users.get(unquote(who))?.fingerprint ?? 'null'],
      ['RSA_PUBLIC_KEY_2_FP', 'null'],
    ],
  })),
  form(
    `SHOW VIEWS IN SCHEMA ${place} STARTS WITH ${literal}`,
    ({ state }, [schema = '', start = '']) => {
      const below = `${shownOf(schema)}.`
      const all = [...state.views].filter(([each]) => each.startsWith(`${below}${unescape(start)}`))
      const rows = all.map(([each, view]) => [each.slice(below.length), String(view.isSecure)])
      return { columns: ['name', 'is_secure'], rows }
    },
  ),
  form(`DESCRIBE VIEW ${place}`, ({ state }, [view = '']) => {
    const found = state.views.get(shownOf(view))
    return found ? { columns: ['name'], rows: found.columns.map(each => [each]) } : missing
  }),
  form(
    `SELECT COUNT\\(\\*\\) AS "running" FROM TABLE\\(${name}\\.INFORMATION_SCHEMA\\.QUERY_HISTORY\\(RESULT_LIMIT => 10000\\)\\) WHERE USER_NAME = \\? AND UPPER\\(EXECUTION_STATUS\\) NOT IN \\('SUCCESS', 'FAILED_WITH_ERROR', 'FAILED_WITH_INCIDENT'\\)`,
    ({ state, binds, warehouse }, [database = '']) => {
      if (warehouse !== 'SMALL') return { code: '000606', sqlState: '57P03' }
      if (!state.things.has(`DATABASE ${unquote(database)}`)) return missing
      const user = binds[0] ?? ''
      const running = state.users.get(user)?.running ?? state.orphans.get(user) ?? 0
      // What others run is left out without a word.
      const isSeen = state.roles
        .get(state.admin.role)
        ?.some(each => each.privilege === 'MONITOR' && each.on === 'WAREHOUSE')
      return { columns: ['running'], rows: [[isSeen ? String(running) : '0']] }
    },
  ),
]

/** What the holder of a lease asks. */
const used: readonly Form[] = [
  form(`(SELECT) \\* FROM ${place}`, use),
  form(`(INSERT) INTO ${place} VALUES \\(1\\)`, use),
  form(`(DELETE) FROM ${place}`, use),
]

/** Undefined: it is no statement of ours. */
export function runStatement(asking: Asking, statement: string): Outcome | undefined {
  const known = asking.by === undefined ? forms : [...used, ...forms.slice(0, 1)]
  for (const [text, run] of known) {
    const found = text.exec(statement)
    if (found !== null) return run(asking, found.slice(1))
  }
  return undefined
}

function use(
  { state, by, warehouse }: Asking,
  [verb = '', quoted = '']: readonly string[],
): Outcome {
  const parts = shownOf(quoted).split('.')
  const rights = state.roles.get(by?.role ?? '') ?? []
  const has = (privilege: string, on: string, at: string) =>
    rights.some(each => each.privilege === privilege && each.on === on && each.name === at)
  const isOpen =
    has('USAGE', 'DATABASE', parts[0] ?? '') &&
    has('USAGE', 'SCHEMA', parts.slice(0, 2).join('.')) &&
    has('USAGE', 'WAREHOUSE', warehouse ?? '')
  return isOpen && has(verb, 'TABLE', parts.join('.')) ? done : missing
}

function changeGrant({ state }: Asking, parts: readonly string[]): Outcome {
  const [verb, privilege = '', on = '', at = '', role = ''] = parts
  const rights = state.roles.get(role)
  const where = shownOf(at)
  if (rights === undefined || !state.things.has(`${on} ${where}`)) return missing
  if (privilege !== 'USAGE' && !state.mayGive.has(privilege)) return noRight
  const others = rights.filter(
    each => each.privilege !== privilege || each.on !== on || each.name !== where,
  )
  state.roles.set(role, verb === 'GRANT' ? [...others, { privilege, on, name: where }] : others)
  return done
}

function makeUser({ state }: Asking, [block = '']: readonly string[]): Outcome {
  const known = new RegExp(
    `^BEGIN\n  IF \\(SYSDATE\\(\\) > ${literal}::TIMESTAMP_NTZ\\) THEN RETURN 'late'; END IF;\n` +
      `  CREATE USER ${name} TYPE = SERVICE DEFAULT_ROLE = ${name} DEFAULT_SECONDARY_ROLES = \\(\\) DAYS_TO_EXPIRY = 2;\n` +
      `  GRANT ROLE ${name} TO USER ${name};\n  RETURN 'made';\nEND$`,
  ).exec(block)
  if (known === null) return { code: '001003', sqlState: '42000' }
  const [, until = '', user = '', , role = '', to] = known
  const said = (what: string): Outcome => ({ columns: ['anonymous block'], rows: [[what]] })
  const at = new Date(`${until.replace(' ', 'T')}Z`).getTime()
  if (toMs(state.clock.now()) > at) return said('late')
  if (hold.userOf(state, user) !== undefined) return exists
  const made = hold.newUser(state, user, 'SERVICE')
  if (to !== user || !state.roles.has(role)) return missing
  made.roles.add(role)
  return said('made')
}

function addToken({ state }: Asking, parts: readonly string[]): Outcome {
  const [who = '', quoted, bare, role = ''] = parts
  const user = hold.userOf(state, unquote(who))
  const token = quoted ?? bare ?? ''
  if (user === undefined) return missing
  if (!user.roles.has(role)) return noRight
  if (!state.hasNetworkPolicy) return { code: '394406', sqlState: '22023' }
  if (user.pats.length === 15 || user.pats.some(each => each.name === token)) return exists
  const made = hold.addPat(state, user, token, role)
  return { columns: ['token_name', 'token_secret'], rows: [[token, made.value]] }
}

function setDisabled({ state }: Asking, [mild, who = '', to]: readonly string[]): Outcome {
  const user = hold.userOf(state, who)
  if (user === undefined) return mild === undefined ? missing : done
  if (state.ending !== 'honest') return done
  user.isDisabled = to === 'TRUE'
  // A user who comes back finds the tokens as they were stopped with it.
  if (user.isDisabled) {
    user.running = 0
    for (const each of user.pats) each.isDisabled = true
  }
  return done
}

const secondsOf = (at: Parameters<typeof toMs>[0]) => `${(toMs(at) / 1000).toFixed(3)}000000`

function listUsers(state: State, is: (user: FakeUser) => boolean, most = 10_000): Outcome {
  const found = [...state.users.values()]
    .filter(user => hold.isThere(state, user, 'lists') && is(user))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const names = 'name created_on type disabled has_password has_pat has_rsa_public_key'.split(' ')
  const more = ['has_federated_workload_authentication', 'last_success_login', 'owner']
  return {
    columns: [...names, ...more],
    rows: found
      .slice(0, most)
      .map(user => [
        user.name,
        secondsOf(user.madeAt),
        user.type,
        String(user.isDisabled),
        String(user.hasPassword),
        String(user.pats.length > 0),
        String(user.fingerprint !== null),
        String(user.workloads.length > 0),
        user.lastLogin === null ? null : secondsOf(user.lastLogin),
        state.admin.role,
      ]),
  }
}

function listRoles(state: State, is: (role: string) => boolean, most = 10_000): Outcome {
  const found = [...state.roles.keys()].filter(is).sort().slice(0, most)
  const columns = ['created_on', 'name', 'assigned_to_users', 'owner']
  return { columns, rows: found.map(role => ['1.0', role, '0', state.admin.role]) }
}

function listTokens({ state }: Asking, [who = '']: readonly string[]): Outcome {
  const asked = unquote(who)
  // Without the right it says nothing of that, and lists those of who asks.
  const isHidden = state.hiddenTokens.has(asked)
  const user = hold.userOf(state, isHidden ? state.admin.user : asked, 'lists')
  if (user === undefined) return missing
  const columns = 'name user_name role_restriction expires_at status created_on created_by'.split(
    ' ',
  )
  const rows = user.pats.map(each => {
    const isOver = msBetween(state.clock.now(), each.expiresAt) <= 0
    const status = isOver ? 'EXPIRED' : each.isDisabled ? 'DISABLED' : 'ACTIVE'
    const times = [secondsOf(each.expiresAt), status, secondsOf(each.madeAt), state.admin.user]
    return [each.name, user.name, each.role, ...times]
  })
  return { columns, rows }
}
