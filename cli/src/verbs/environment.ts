/**
 * What a command has of its leases: variables, and files where its tools look for them. INVARIANT: where
 * the credential was asked for in files no variable holds it, and where in variables no file.
 */
import type { Folder } from '../files.ts'
import type { Host } from '../host.ts'
import { gitSettings } from './git.ts'
import { type Held, isWeb } from './task.ts'

/** What would lead the command to another database, or is ours. */
const foreign =
  /^(LEASEHOLD_\w+|DATABASE_URL(_FILE)?|NODE_COMPILE_CACHE|PG(HOST(ADDR)?|PORT|USER|DATABASE|PASS(WORD(_FILE)?|FILE)|SERVICE(FILE)?))$/

/** What would make tools of AWS somebody else, or the person who runs this. */
const foreignAws =
  /^AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|(SESSION|SECURITY)_TOKEN|(DEFAULT_)?PROFILE|SHARED_CREDENTIALS_FILE|(ROLE|WEB_IDENTITY|CONTAINER)_\w+)$/

type Variables = Record<string, string | number | undefined>

/** The person's environment, and the database's: the first need as everyone expects it. */
export function environment(
  env: Host['env'],
  leases: readonly Held[],
  folder: Folder,
  isFile: boolean,
): NodeJS.ProcessEnv {
  const hasAws = leases.some(isAws)
  const isKept = (name: string) => !foreign.test(name) && !(hasAws && foreignAws.test(name))
  const all = Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)))
  const secrets: Variables = {}
  for (const held of leases.toReversed()) {
    const [open, secret] = isWeb(held) ? web(held) : database(held)
    Object.assign(all, open)
    Object.assign(secrets, secret)
    if (isAws(held)) Object.assign(isFile ? all : secrets, aws(held, folder, isFile))
    const { git } = held.handle.connect
    if (git !== undefined) Object.assign(all, gitSettings(all, nameOf(held), String(git)))
  }
  const databases = leases.filter(each => !isWeb(each))
  if (databases.length > 0) Object.assign(all, serviceFiles(databases, folder, isFile))
  if (!isFile) return Object.assign(all, secrets)
  // As the images of databases have it: the same name and `_FILE` says where it is.
  for (const [name, secret] of Object.entries(secrets))
    all[`${name}_FILE`] = folder.write(name, String(secret))
  return all
}

function database(held: Held): [open: Variables, secret: Variables] {
  const { host, port, dbname, user, password } = pointOf(held)
  const words = [user, password, dbname].map(each => encodeURIComponent(each ?? ''))
  const url = `postgresql://${words[0]}:${words[1]}@${host}:${port}/${words[2]}`
  const open = { PGHOST: host, PGPORT: port, PGDATABASE: dbname, PGUSER: user }
  // Our door is on this machine; behind it the way is the server's.
  if (held.door) Object.assign(open, { PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' })
  return [open, { [`DATABASE_URL_${nameOf(held)}`]: url, DATABASE_URL: url, PGPASSWORD: password }]
}

/** In the words of libpq. */
function pointOf({ handle, door }: Held) {
  const { host = '127.0.0.1', port = door?.port, database: dbname, user } = handle.connect
  const password = handle.via === 'proxy' ? handle.word : handle.secret
  return { host, port, dbname, user, password }
}

/** For tools that take no address: `psql` as it is, `psql service=crm.tasks` for what is not the first. */
function serviceFiles(held: readonly Held[], folder: Folder, isFile: boolean): Variables {
  const points = held.map(each => ({ service: each.lease.resource, ...pointOf(each) }))
  const isKept = isFile || held.every(({ handle }) => handle.via === 'proxy')
  const services = points.map(({ service, password, ...open }) => {
    // Stands before `PGPASSWORD`, which is the first one's.
    const members = Object.entries(isKept ? { ...open, password } : open)
    return [`[${service}]`, ...members.map(([name, value]) => `${name}=${value}`), ''].join('\n')
  })
  const passwords = points.map(({ host, port, dbname, user, password }) =>
    [host, port, dbname, user, password]
      .map(part => String(part).replace(/[:\\]/g, '\\$&'))
      .join(':'),
  )
  const PGSERVICEFILE = folder.write('pg_service.conf', services.join('\n'))
  const found = { PGSERVICEFILE, PGSERVICE: points[0]?.service }
  return isKept ? { ...found, PGPASSFILE: folder.write('pgpass', passwords.join('\n')) } : found
}

/** As the resource is called, and as the vendor's own libraries look for it. */
const vendors: Record<string, readonly [base: string, below: string, key: string]> = {
  openai: ['OPENAI_BASE_URL', '/v1', 'OPENAI_API_KEY'],
  anthropic: ['ANTHROPIC_BASE_URL', '', 'ANTHROPIC_API_KEY'],
  slack: ['SLACK_API_URL', '/api/', 'SLACK_BOT_TOKEN'],
  notion: ['NOTION_BASE_URL', '', 'NOTION_TOKEN'],
  github: ['GITHUB_API_URL', '', 'GITHUB_TOKEN'],
}

function web(held: Held): [open: Variables, secret: Variables] {
  const { connect } = held.handle
  // Its own address comes with a credential that is good there.
  const at = String(connect['url'] ?? `http://127.0.0.1:${held.door?.port}${connect['path']}`)
  const { password: word } = pointOf(held)
  const [base, below, key] = vendors[connect['preset'] ?? ''] ?? []
  const own: [Variables, Variables] = [
    { [`${nameOf(held)}_URL`]: at },
    { [`${nameOf(held)}_TOKEN`]: word },
  ]
  if (base && key) Object.assign(own[0], { [base]: `${at}${below}` })
  if (base && key) Object.assign(own[1], { [key]: word })
  return own
}

function isAws({ handle }: Held): boolean {
  return handle.connect['preset'] === 'aws'
}

/** As every tool of AWS looks for it. A file beside a person's own: its other profiles are not there. */
function aws(held: Held, folder: Folder, isFile: boolean): Variables {
  const { region } = held.handle.connect
  const given = JSON.parse(pointOf(held).password) as Record<string, string>
  const names = {
    AWS_ACCESS_KEY_ID: given['AccessKeyId'],
    AWS_SECRET_ACCESS_KEY: given['SecretAccessKey'],
    AWS_SESSION_TOKEN: given['SessionToken'],
  }
  const where = { AWS_REGION: region, AWS_DEFAULT_REGION: region }
  if (!isFile) return { ...where, ...names }
  const lines = Object.entries(names).map(([name, value]) => `${name.toLowerCase()} = ${value}`)
  const text = ['[default]', ...lines, ''].join('\n')
  return { ...where, AWS_SHARED_CREDENTIALS_FILE: folder.write('aws_credentials', text) }
}

function nameOf({ lease }: Held): string {
  return lease.resource.toUpperCase().replace(/\W/g, '_')
}
