/**
 * Configuration: parsed once, from the environment, into a frozen object. Every setting has a working
 * default for one person on one machine, or refuses to start with the next step. `docs/configuration.md`
 * is generated from `settings`.
 */
import { resolve } from 'node:path'
import { Problem } from './core/base/problem.ts'
import settings from './settings.json' with { type: 'json' }

/** Every setting there is: what holds without it, and what it is for. */
export { settings }

type SettingName = keyof typeof settings

export type Config = ReturnType<typeof readConfig>

/** Throws `Problem` `bad-configuration` naming the setting. */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const get = (name: SettingName): string | null => {
    const value = env[name]?.trim()
    return value === undefined || value === '' ? null : value
  }
  /** With the default that `settings` tells. */
  const read = (name: SettingName) => get(name) ?? settings[name].unset
  const host = read('LEASEHOLD_HOST')
  const issuer = get('LEASEHOLD_ISSUER')
  const isLoopback = host === '127.0.0.1' || host === '::1' || host === 'localhost'
  if (!isLoopback && !issuer?.startsWith('https://'))
    throw refuse('LEASEHOLD_ISSUER', 'Listening beyond this machine needs an https:// name.')
  const companyIssuer = get('LEASEHOLD_COMPANY_ISSUER')
  return Object.freeze({
    home: resolve(read('LEASEHOLD_HOME')),
    databaseUrl: parseDatabaseUrl(get('DATABASE_URL')),
    host,
    /** 0 lets the system choose. */
    port: parsePort(read('LEASEHOLD_PORT')),
    /** Null until the port is known when it is chosen by the system. */
    issuer: issuer === null ? null : parseOrigin(issuer, 'LEASEHOLD_ISSUER'),
    /** Null: below the name of the issuer. */
    appsHost: parseHost(get('LEASEHOLD_APPS_HOST')),
    /** Null: apps answer from laptops alone. */
    runner: parseRunner(get('LEASEHOLD_RUNNER')),
    name: read('LEASEHOLD_NAME'),
    trustDomain: parseTrustDomain(read('LEASEHOLD_TRUST_DOMAIN')),
    mode: parseMode(read('LEASEHOLD_MODE')),
    kek: get('LEASEHOLD_KEK'),
    company:
      companyIssuer === null
        ? null
        : {
            issuer: companyIssuer,
            clientId: read('LEASEHOLD_COMPANY_CLIENT_ID'),
            clientSecretFile: get('LEASEHOLD_COMPANY_CLIENT_SECRET_FILE'),
          },
    ciIssuers: words(read('LEASEHOLD_CI_ISSUERS')).map(parseIssuer),
    /** Read by who opens the channels, so that no secret is in here. */
    notify: get('LEASEHOLD_NOTIFY'),
    loopbackIssuers: words(get('LEASEHOLD_LOOPBACK_ISSUERS') ?? ''),
  })
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '')
}

/** An address, or a SPIFFE trust domain and where its bundle is. */
function parseIssuer(text: string): string {
  if (!text.startsWith('spiffe:') || /^spiffe:\/\/[a-z0-9._-]{1,255}=https?:\/\/[^=]+$/.test(text))
    return text
  throw refuse('LEASEHOLD_CI_ISSUERS', `\`${text}\` is not spiffe://<domain>=<its bundle>.`)
}

function parseHost(text: string | null): string | null {
  if (text === null || /^([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(:\d{1,5})?$/.test(text)) return text
  throw refuse('LEASEHOLD_APPS_HOST', `\`${text}\` is not a host name in lower case.`)
}

/** Its address, and who it is there: the thumbprint of its key (RFC 7638). */
function parseRunner(text: string | null) {
  if (text === null) return null
  const [, address = '', key = ''] = /^(\S+) ([\w-]{43})$/.exec(text) ?? []
  if (
    /^(https:\/\/|http:\/\/127\.0\.0\.1:)/.test(address) &&
    URL.parse(address)?.origin === address
  )
    return { address, key }
  throw refuse('LEASEHOLD_RUNNER', 'It must be an https:// origin and the thumbprint of its key.')
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw refuse('LEASEHOLD_PORT', `\`${text}\` is not a port.`)
}

function parseMode(text: string): 'solo' | 'team' {
  if (text === 'solo' || text === 'team') return text
  throw refuse('LEASEHOLD_MODE', `\`${text}\` is neither solo nor team.`)
}

function parseTrustDomain(text: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,254}$/.test(text)) return text
  throw refuse(
    'LEASEHOLD_TRUST_DOMAIN',
    'It must be lower-case letters, digits, dots, dashes and underscores.',
  )
}

function parseDatabaseUrl(text: string | null): string | null {
  if (text === null || /^postgres(ql)?:\/\//.test(text)) return text
  throw refuse('DATABASE_URL', 'It must begin with postgres://.')
}

function parseOrigin(text: string, name: SettingName): string {
  const url = URL.parse(text)
  if (
    url === null ||
    url.origin !== text ||
    (url.protocol !== 'https:' && url.hostname !== 'localhost')
  )
    throw refuse(name, 'It must be an origin without a path, https:// or http://localhost:PORT.')
  return text
}

function refuse(field: SettingName, detail: string): Problem {
  return new Problem('bad-configuration', { field, detail, next: `Set ${field} and start again.` })
}
