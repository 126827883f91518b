/**
 * Who we are in an account of AWS, and the way there: a session of our admin role that our issuer's word
 * opens, or a user's access key; and sessions of holders. Signing and the protocol are the SDK's.
 */
import * as iam from '@aws-sdk/client-iam'
import * as sts from '@aws-sdk/client-sts'
import { isProblem } from '../../src/core/base/problem.ts'
import { product } from '../../src/core/base/product.ts'
import { addSeconds, type Clock, fromMs, type Instant } from '../../src/core/base/time.ts'
import type { Federation } from '../rest/federation.ts'
import { type AwsConfig, accountOf, addressesOf, isRole } from './config.ts'
import { audience, harmless } from './policy.ts'
import { bounded, explain, isOver, refused } from './trouble.ts'

const bounds = { tries: 3, ownSeconds: 3_600, earlySeconds: 300 }
/** Whom our issuer's word names where it is for ourselves. */
const ourSubject = `${product.command}-admin`

/** What opens AWS for a while. */
export interface Session {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}
export interface Said {
  readonly says: 'accepted' | 'refused' | 'unclear'
  readonly because: string
}
interface Assuming {
  readonly role: string
  /** In the word of our issuer; beside an access key the external id. */
  readonly subject: string
  readonly session: string
  readonly policy?: string
  readonly seconds: number
}
export interface Opening {
  readonly config: AwsConfig
  readonly clock: Pick<Clock, 'now'>
  readonly federation: Federation | undefined
}
export type In = iam.ServiceInputTypes
export type Out = iam.ServiceOutputTypes
export type Command<I extends In, O extends Out> = iam.$Command<I, O, iam.IAMClientResolvedConfig>
export type Account = ReturnType<typeof openAccount>

export function openAccount(opening: Opening) {
  const { config, clock, federation } = opening
  const { partition, account } = accountOf(config)
  const ways = openWays(config)
  const assume = openAssume(opening, ways.sts)
  const ourselves = openOurselves(opening, ways, assume)

  /** As ourselves; once more where a session of ours turns out to be over. */
  async function ask<I extends In, O extends Out>(
    command: Command<I, O>,
    signal: AbortSignal,
  ): Promise<O> {
    const action = nameOf(command)
    for (let isLast = !isRole(config.admin); ; isLast = true) {
      const own = await ourselves.client(signal)
      try {
        return await bounded(action, signal, own.send(command, { abortSignal: signal }))
      } catch (thrown) {
        if (isLast || !isProblem(thrown) || !isOver(thrown.log)) throw thrown
        ourselves.forget(own)
      }
    }
  }

  /** Never rejects: what IAM says to the holder of a session who asks for their own role's tags. */
  async function trySession(one: Session, role: string, signal: AbortSignal): Promise<Said> {
    const asking = new iam.ListRoleTagsCommand({ RoleName: role })
    try {
      await bounded(harmless, signal, ways.iamAs(one).send(asking, { abortSignal: signal }))
      return { says: 'accepted', because: '' }
    } catch (thrown) {
      const code = isProblem(thrown) ? (thrown.log ?? '') : ''
      // Who is told that there is no such role was let in.
      if (code === 'NoSuchEntity') return { says: 'accepted', because: '' }
      if (code === 'AccessDenied' || isOver(code)) return { says: 'refused', because: code }
      return { says: 'unclear', because: explain(thrown) }
    }
  }

  return {
    config,
    clock,
    issuer: federation?.issuer,
    iamHost: new URL(addressesOf(config).iam.url).host,
    arnOf: (role: string) => `arn:${partition}:iam::${account}:role${config.path}${role}`,
    ask,
    assume,
    trySession,
    close: async () => ways.close(),
  }
}

type Ways = ReturnType<typeof openWays>

function openWays(config: AwsConfig) {
  const { accessKeyId = '', secretAccessKey = '' } = config
  const credentials = { accessKeyId, secretAccessKey }
  const own = { maxAttempts: bounds.tries, customUserAgent: product.name, credentials }
  const to = addressesOf(config)
  const at = ({ url, region }: typeof to.iam) =>
    ({
      ...own,
      endpoint: url,
      region,
      useFipsEndpoint: false,
      useDualstackEndpoint: false,
    }) as const
  const toSts = new sts.STSClient(at(to.sts))
  const keyed = new iam.IAMClient(at(to.iam))
  const { requestHandler } = keyed.config
  return {
    sts: toSts,
    /** With our access key, where we have one. */
    keyed,
    /** All on the same connections. */
    iamAs: (one: Session) => new iam.IAMClient({ ...at(to.iam), requestHandler, credentials: one }),
    close: () => [toSts, keyed].forEach(each => each.destroy()),
  }
}

/** A session of a role: by a word of our issuer for `subject`, or by our key and that name. */
function openAssume({ config, federation }: Opening, client: sts.STSClient) {
  const word = (subject: string) => {
    if (federation !== undefined) return federation.sign({ subject, audience })
    const next = 'Connect a user with an access key, or give this server an address AWS can reach.'
    throw refused('This server has no issuer that AWS could trust.', next)
  }
  return async (of: Assuming, signal: AbortSignal): Promise<sts.Credentials> => {
    const input = {
      RoleArn: of.role,
      RoleSessionName: of.session,
      DurationSeconds: of.seconds,
      ...(of.policy !== undefined && { Policy: of.policy }),
    }
    const options = { abortSignal: signal }
    const byWord = async () => {
      const WebIdentityToken = await word(of.subject)
      const asking = new sts.AssumeRoleWithWebIdentityCommand({ ...input, WebIdentityToken })
      return client.send(asking, options)
    }
    const byKey = () =>
      client.send(new sts.AssumeRoleCommand({ ...input, ExternalId: of.subject }), options)
    const { Credentials: given } = isRole(config.admin)
      ? await bounded('sts:AssumeRoleWithWebIdentity', signal, byWord())
      : await bounded('sts:AssumeRole', signal, byKey())
    if (given === undefined) throw refused('AWS made no session of the form we know.')
    return given
  }
}

/** Our own session is kept in memory until shortly before its end; all who need it wait for the same. */
function openOurselves(
  { config, clock }: Opening,
  ways: Ways,
  assume: ReturnType<typeof openAssume>,
) {
  interface Own {
    readonly client: iam.IAMClient
    readonly until: Instant
  }
  let made: Promise<Own> | undefined
  let last: Own | undefined
  const of = {
    role: config.admin,
    subject: ourSubject,
    session: `${product.targetPrefix}_admin`,
    seconds: bounds.ownSeconds,
  }
  async function make(signal: AbortSignal): Promise<Own> {
    const given = await assume(of, signal)
    const endsAt = fromMs(given.Expiration?.getTime() ?? 0)
    last = { client: ways.iamAs(sessionOf(given)), until: addSeconds(endsAt, -bounds.earlySeconds) }
    return last
  }
  return {
    async client(signal: AbortSignal): Promise<iam.IAMClient> {
      if (!isRole(config.admin)) return ways.keyed
      if (last !== undefined && clock.now() < last.until) return last.client
      made ??= make(signal).finally(() => void (made = undefined))
      return (await made).client
    },
    forget(client: iam.IAMClient): void {
      if (last?.client === client) last = undefined
    },
  }
}

/** As policies name it: `iam:GetRole`. */
export function nameOf(command: object): string {
  return `iam:${command.constructor.name.replace(/Command$/, '')}`
}

export function sessionOf(given: Omit<sts.Credentials, 'Expiration'>): Session {
  const { AccessKeyId, SecretAccessKey, SessionToken } = given
  if (AccessKeyId && SecretAccessKey && SessionToken)
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
    }
  throw refused('AWS made no session of the form we know.')
}
