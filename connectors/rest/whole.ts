/**
 * A system where the one credential is ours and a lease makes nothing, but of which a resource may be the
 * whole: then what was connected ends with its lease, and a look says so from what the credential itself, a
 * probe of ours and a list said.
 */
import type { Json } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import type { Clock } from '../../src/core/base/time.ts'
import type {
  Connector,
  Evidence,
  IssueOrder,
  Target,
  VerifyOrder,
} from '../../src/core/target/target.ts'
import { asOurselves, classesOf, madeNothing, neverLeft, ourGateway } from './gateway.ts'
import { type PresetName, presets } from './presets.ts'

/** What one path said to one credential, and why where that is unclear. */
export interface Tried {
  readonly said: 'accepted' | 'refused' | 'unclear'
  readonly because: readonly string[]
}
export interface Listed extends Pick<Evidence, 'listed'> {
  readonly because: readonly string[]
}

/** What a connector brings. */
export interface OwnParts extends Pick<Target, 'preflight' | 'inventory'> {
  readonly token: string
  /** The path that accepts it, in words: `auth.test`. */
  readonly where: string
  /** How the end of the whole is proven. */
  readonly paths: readonly string[]
  readonly isWhole: (object: Json) => boolean
  /** Our token is taken: whose it is there. No secret. Throws where it is not. */
  readonly whose: (signal: AbortSignal) => Promise<string>
  /** Throws where the whole can not be lent. */
  readonly checkWhole: (whose: string, signal: AbortSignal) => Promise<void>
  readonly endWhole: (signal: AbortSignal) => Promise<void>
  /** Never rejects. `whose` is empty where it was never accepted, `probe` undefined where there is none. */
  readonly look: (whose: string, signal: AbortSignal) => Promise<Look>
  /** Of a request, by its path below the address; all are, without it. */
  readonly isOffered?: (path: string) => boolean
}
export interface Look {
  readonly own: Tried
  readonly probe: Tried | undefined
  readonly listed: Listed
}

interface Parts extends OwnParts {
  readonly connector: PresetName
  readonly url: URL
}

interface Reading<Config> extends Pick<Connector, 'parseObject'> {
  readonly parseConfig: (input: Json) => Config & Json
  readonly partsOf: (config: Config) => OwnParts
}

/** `url` is what a config names as the system's. */
export function connectorOf<Config extends { readonly url: string }>(
  kind: PresetName,
  { parseConfig, parseObject, partsOf }: Reading<Config>,
): Connector {
  const urlOf = (config: Json) => new URL(parseConfig(config).url)
  return {
    kind,
    parseConfig,
    parseObject,
    addressOf: config => urlOf(config).host,
    open(config, clock) {
      const parts = partsOf(parseConfig(config))
      return openShared({ ...parts, connector: kind, url: urlOf(config) }, clock)
    },
  }
}

function openShared(parts: Parts, clock: Pick<Clock, 'now'>): Target {
  const { connector, url, token, isOffered } = parts
  const connect = { path: url.pathname.replace(/\/$/, ''), speaks: 'http', preset: connector }
  const isWhole = ({ object }: Pick<IssueOrder, 'object'>) => parts.isWhole(object)
  const issue = async (order: IssueOrder, signal: AbortSignal) => {
    const whose = await parts.whose(signal)
    if (!isWhole(order)) return { acceptedPath: ourGateway, diesAt: order.endsAt, connect }
    await parts.checkWhole(whose, signal)
    // It stays until somebody ends it, whatever becomes of us.
    return { acceptedPath: `${pathTo(parts)}${whose}`, diesAt: null, connect }
  }
  const classOf = classesOf(url, presets[connector])
  return {
    ...madeNothing(clock),
    describe: () => ({
      connector,
      paths: [ourGateway, ...parts.paths.map(each => `of the whole: ${each}`)],
      canRenew: true,
      canHold: true,
      diesByItself: true,
      hasGateway: true,
    }),
    upstream: {
      ...asOurselves(url, async () => ({ authorization: `Bearer ${token}` })),
      speaks: 'http',
      classOf: (object, asked) => {
        // What it asks by its query is nobody's rule.
        const plain = asked.replace(/\?.*/s, '')
        const path = plain.slice(plain.indexOf(' ') + 1 + connect.path.length)
        return isOffered?.(path) === false ? undefined : classOf(object, plain)
      },
    },
    preflight: signal => parts.preflight(signal),
    ensureHolder: async (order, signal) => {
      const whose = await parts.whose(signal)
      if (parts.isWhole(order.object)) await parts.checkWhole(whose, signal)
    },
    issue,
    renew: issue,
    end: async (order, signal) => {
      if (isWhole(order)) await parts.endWhole(signal)
    },
    verifyGone: async (order, signal) =>
      isWhole(order) ? verify(parts, { order, signal, clock }) : neverLeft(clock),
    inventory: (cursor, signal) => parts.inventory(cursor, signal),
  }
}

const pathTo = ({ where, url }: Parts) => `${where} at ${url.host} as `

interface Looking {
  readonly order: VerifyOrder
  readonly signal: AbortSignal
  readonly clock: Pick<Clock, 'now'>
}

/** Observations only: unknown stays unknown. */
async function verify(parts: Parts, { order, signal, clock }: Looking): Promise<Evidence> {
  const accepted = order.acceptedPath ?? ''
  const isProof = accepted.startsWith(pathTo(parts))
  const whose = isProof ? accepted.slice(pathTo(parts).length) : ''
  const { own, probe, listed } = await parts.look(whose, signal)
  const because = [...own.because, ...(probe?.because ?? []), ...listed.because]
  if (own.said === 'refused' && !isProof)
    because.push('It is refused on a path that never accepted it.')
  if (probe === undefined) because.push('There is no second credential of ours to compare with.')
  const isTold = own.said === 'refused' && isProof ? 'refused' : 'not-tried'
  return {
    listed: listed.listed,
    credential: own.said === 'accepted' ? 'accepted' : isTold,
    probe: probe === undefined || probe.said === 'unclear' ? 'not-tried' : probe.said,
    // Each request there stands alone.
    sessions: own.said === 'unclear' ? null : 0,
    residue: [],
    paths: parts.paths,
    because: because.length === 0 ? undefined : because.join(' '),
    at: clock.now(),
  }
}

/** Never rejects: what is thrown is no answer, and says why. */
export async function tried(asked: Promise<Tried['said']>): Promise<Tried> {
  try {
    return { said: await asked, because: [] }
  } catch (thrown) {
    return { said: 'unclear', because: [sayWhy(thrown)] }
  }
}

/** Never rejects: where a list can not be read, nothing is known of it. */
export async function listed(asked: Promise<boolean>): Promise<Listed> {
  try {
    return { listed: (await asked) ? 'present' : 'absent', because: [] }
  } catch (thrown) {
    return { listed: 'unknown', because: [sayWhy(thrown)] }
  }
}

function sayWhy(thrown: unknown): string {
  return isProblem(thrown) ? thrown.detail : 'The target broke off.'
}

/** Of a canary: ours is taken, and one that nobody made is not. */
export function tokenSteps(whose: () => Promise<string>, tryInvented: () => Promise<Tried>) {
  return {
    'our token is accepted': async () => `as ${await whose()}`,
    'one that nobody made is refused': async () => {
      const { said, because } = await tryInvented()
      if (said === 'refused') return undefined
      const detail = `It is ${said}. ${because.join(' ')}`
      throw new Problem('target-refused', { detail })
    },
  }
}
