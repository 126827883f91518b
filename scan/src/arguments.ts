/**
 * What was typed, and what the environment holds, become sources. A secret is never taken from what was
 * typed: others on the machine see it there, and the shell keeps it.
 */
import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Keys } from '../../connectors/aws/look.ts'
import { parseConfig as parseMysql } from '../../connectors/mysql/config.ts'
import { parseConfig as parseNotion } from '../../connectors/notion/config.ts'
import { parseConfig as parsePostgres } from '../../connectors/postgres/config.ts'
import { parseConfig as parseRedis } from '../../connectors/redis/config.ts'
import { isReachable } from '../../connectors/rest/config.ts'
import { parseConfig as parseSnowflake } from '../../connectors/snowflake/config.ts'
import { isObject, type Json, parseJson } from '../../src/core/base/json.ts'
import { Problem } from '../../src/core/base/problem.ts'
import { openAzureSource, openGcpSource } from './clouds.ts'
import { openMariadb, openPostgres, openRedisUsers } from './databases.ts'
import { openGithub } from './github.ts'
import type { Going } from './outgoing.ts'
import { openNotionSource, openSlackSource, openSnowflakeSource } from './services.ts'
import type { Source } from './source.ts'
import { shown } from './thing.ts'

export type Env = Readonly<Record<string, string | undefined>>

export interface Around {
  readonly env: Env
  readonly going: Going
  /** What one of a person's own tools says, as `gh auth token`; empty where it says nothing. */
  readonly tool: (name: string, ...words: readonly string[]) => Promise<string>
  /** What AWS's own tools would sign with; undefined where they find nothing. */
  readonly awsKeys: () => Promise<Keys | undefined>
}

export const known =
  'github:ORG, postgres://…, mysql://…, redis://…, slack, notion, snowflake:ACCOUNT, aws, gcp:PROJECT, azure'

/** Throws `Problem` that says what is missing. ATTACKER: nothing of a wrong one is repeated whole. */
export async function openSource(typed: string, around: Around): Promise<Source> {
  const { env, going } = around
  const url = URL.parse(typed)
  if (url !== null && /^(postgres(ql)?|mysql|mariadb|rediss?):$/.test(url.protocol))
    return openDatabase(url, around)
  const [kind, name = ''] = typed.split(/:(.*)/s)
  if (kind === 'github') return openOrganisation(name, around)
  if (kind === 'slack' && name === '') {
    const token = need(env, 'SLACK_TOKEN', 'Of a bot (`xoxb-…`), or of an admin (`xoxp-…`).')
    return openSlackSource(token, addressOf(env, 'SLACK_API_URL', 'https://slack.com'), going)
  }
  if (kind === 'notion' && name === '') {
    const token = need(env, 'NOTION_TOKEN', 'Of an internal connection that may read users.')
    const [admin, spaceId] = [env['NOTION_ADMIN_TOKEN'], env['NOTION_SPACE_ID']]
    const more = admin && spaceId ? { admin: { token: admin, spaceId } } : {}
    const at = env['NOTION_API_URL']
    const config = { connection: 'internal', token, ...more, ...(at && { url: at }) }
    return openNotionSource(parseNotion(config), going)
  }
  if (kind === 'snowflake') return openSnowflake(name, around)
  if (kind === 'aws' && name === '') return openAmazon(around)
  if (kind === 'gcp') return openGoogle(name, around)
  if (kind === 'azure' && name === '') return openEntra(around)
  throw refused(`\`${shown(typed, 40)}\` is no source that is known.`, `Known: ${known}`)
}

async function openOrganisation(organisation: string, { env, going, tool }: Around) {
  if (!/^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$/.test(organisation))
    throw refused('After `github:` stands the name of an organisation.', 'For example: github:acme')
  const token = env['GITHUB_TOKEN'] || env['GH_TOKEN'] || (await tool('gh', 'auth', 'token'))
  if (token === '')
    throw refused('There is no token for GitHub.', 'Run `gh auth login`, or set GITHUB_TOKEN.')
  const url = addressOf(env, 'GITHUB_API_URL', 'https://api.github.com')
  return openGithub({ organisation, token, url }, going)
}

async function openAmazon({ env, going, awsKeys }: Around): Promise<Source> {
  const keys = await awsKeys()
  const help = 'Run `aws sso login` or `aws configure`; AWS_PROFILE chooses a profile.'
  if (keys === undefined) throw refused('There are no credentials for AWS.', help)
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || ''
  const [part] = /^(cn|us-gov)(?=-)/.exec(region) ?? []
  const partition = part === undefined ? 'aws' : `aws-${part}`
  const url = env['AWS_ENDPOINT_URL'] && addressOf(env, 'AWS_ENDPOINT_URL', '')
  const { openAwsSource } = await import('./aws.ts')
  return openAwsSource({ partition, keys, ...(url && { url }) }, going)
}

async function openGoogle(project: string, { env, going, tool }: Around): Promise<Source> {
  if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project))
    throw refused('After `gcp:` stands the id of a project.', 'For example: gcp:acme-data')
  const token =
    env['GOOGLE_OAUTH_ACCESS_TOKEN'] || (await tool('gcloud', 'auth', 'print-access-token'))
  const help = 'Run `gcloud auth login`, or set GOOGLE_OAUTH_ACCESS_TOKEN.'
  if (token === '') throw refused('There is no token for Google Cloud.', help)
  const url = env['GCP_API_URL'] && addressOf(env, 'GCP_API_URL', '')
  const quotaProject = env['GOOGLE_CLOUD_QUOTA_PROJECT']
  const more = { ...(url && { url }), ...(quotaProject && { quotaProject }) }
  return openGcpSource({ project, token, ...more }, going)
}

async function openEntra({ env, going, tool }: Around): Promise<Source> {
  const words = ['account', 'get-access-token', '--resource-type', 'ms-graph', '--output', 'json']
  const given = parseJson((await tool('az', ...words)) || 'null')
  const [token, tenant] = isObject(given) ? [given['accessToken'], given['tenant']] : []
  if (typeof token !== 'string' || typeof tenant !== 'string' || !/^[0-9a-f-]{36}$/.test(tenant))
    throw refused(
      'There is no token for Microsoft Graph.',
      'Run `az login`; `az` chooses the tenant.',
    )
  const url = env['AZURE_API_URL'] && addressOf(env, 'AZURE_API_URL', '')
  return openAzureSource({ tenant, token, ...(url && { url }) }, going)
}

/** ATTACKER: a token that is sent without TLS is everybody's. */
function addressOf(env: Env, name: string, otherwise: string): string {
  const text = env[name] || otherwise
  const url = URL.parse(text)
  if (url !== null && isReachable(url)) return text
  throw refused(`${name} is no address that a token is sent to.`, 'It is `https://…`, by name.')
}

function openSnowflake(account: string, { env, going }: Around): Source {
  const at = 'SNOWFLAKE_PRIVATE_KEY_FILE'
  const file = need(env, at, 'The private key (PEM) of your key pair.')
  const config = parseSnowflake({
    account: account.toUpperCase(),
    user: need(env, 'SNOWFLAKE_USER', 'Your user, in capitals.'),
    role: need(env, 'SNOWFLAKE_ROLE', 'A role that may see users: with MANAGE GRANTS it sees all.'),
    privateKeyPem: read(file, at),
    ...(env['SNOWFLAKE_API_URL'] && { url: env['SNOWFLAKE_API_URL'] }),
  })
  return openSnowflakeSource(`snowflake:${account.toLowerCase()}`, config, going)
}

function openDatabase(url: URL, around: Around): Source {
  const { env, going } = around
  const scheme = url.protocol.replace(':', '')
  if (url.password !== '')
    throw refused(
      'There is a password in what was typed. It is not used.',
      `Change that password: the shell keeps what is typed, and others see it. ${whereOf(scheme)}`,
    )
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? {} : { port: Number(url.port) }
  const user = decodeURIComponent(url.username)
  const database = decodeURIComponent(url.pathname.slice(1))
  const at = { host, ...port, ...tlsOf(url, scheme) }
  const name = `${scheme.replace(/^postgresql$/, 'postgres')}://${shown(url.host)}`
  if (scheme.startsWith('postgres')) {
    const to = { host, port: url.port || '5432', database, user: user || (env['PGUSER'] ?? '') }
    const password = env['PGPASSWORD'] || fromPassfile(env, to)
    if (password === '') throw noPassword(scheme)
    const { user: who } = to
    const of = { ...at, user: who, password, database: database || who }
    return openPostgres(
      name.replace(/$/, database && `/${shown(database)}`),
      parsePostgres(of),
      going,
    )
  }
  const isRedis = scheme.startsWith('redis')
  const password = env[isRedis ? 'REDISCLI_AUTH' : 'MYSQL_PWD'] ?? ''
  if (password === '') throw noPassword(scheme)
  const of = { ...at, user: user || (isRedis ? 'default' : 'root'), password }
  return isRedis
    ? openRedisUsers(name, parseRedis(of), going)
    : openMariadb(name.replace(/^mariadb/, 'mysql'), parseMysql(of), going)
}

/** Off this machine with TLS, as the connectors say; what weakens that has to be typed. */
function tlsOf(url: URL, scheme: string): { tls?: Json } {
  const strange = [...url.searchParams.keys()].find(each => !/^(sslmode|sslrootcert)$/.test(each))
  if (strange !== undefined)
    throw refused(`\`${shown(strange, 40)}\` is not known in such an address.`, tlsHelp)
  const file = url.searchParams.get('sslrootcert')
  if (file !== null) return { tls: { ca: read(file, 'sslrootcert') } }
  if (url.searchParams.get('sslmode') === 'disable') return { tls: false }
  return scheme === 'rediss' || url.searchParams.has('sslmode') ? { tls: true } : {}
}
const tlsHelp = 'Known: sslmode=disable, sslmode=verify-full, sslrootcert=FILE'

/** PostgreSQL's own file: host:port:database:user:password, `*` for any, `\` before `:` and `\`. */
function fromPassfile(env: Env, to: Readonly<Record<string, string>>): string {
  const file = env['PGPASSFILE'] ?? join(env['HOME'] ?? homedir(), '.pgpass')
  const mode = statSync(file, { throwIfNoEntry: false })?.mode
  if (mode === undefined) return ''
  if ((mode & 0o077) !== 0)
    throw refused('Others may read the password file; it is not used.', 'Run: chmod 0600 ~/.pgpass')
  const wanted = [to['host'], to['port'], to['database'] || to['user'], to['user']]
  for (const line of read(file, 'PGPASSFILE').split('\n')) {
    const parts = (line.match(/(?:\\.|[^:\\])*(?::|$)/g) ?? []).map(part =>
      part.replace(/:$/, '').replace(/\\(.)/g, '$1'),
    )
    const isIt = wanted.every((want, i) => parts[i] === '*' || parts[i] === want)
    if (isIt && parts[4] !== undefined && !line.startsWith('#')) return parts[4]
  }
  return ''
}

function whereOf(scheme: string): string {
  if (scheme.startsWith('redis')) return 'Set REDISCLI_AUTH.'
  return scheme.startsWith('postgres') ? 'Set PGPASSWORD, or use ~/.pgpass.' : 'Set MYSQL_PWD.'
}

const noPassword = (scheme: string) =>
  refused('There is no password for this database.', whereOf(scheme))

function need(env: Env, name: string, what: string): string {
  const value = env[name] ?? ''
  if (value !== '') return value
  throw refused(`${name} is not set. ${what}`, `Set ${name}, in the environment alone.`)
}

function read(file: string, named: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw refused(`The file that ${named} names can not be read.`, 'Look at its path and rights.')
  }
}

function refused(detail: string, next: string): Problem {
  return new Problem('bad-request', { detail, next })
}
