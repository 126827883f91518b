/**
 * Looking with what AWS's own tools find of a person. It reads what AWS shows that person; there is no role
 * of ours behind it, so nothing here can issue, renew or end anything.
 */
import * as iam from '@aws-sdk/client-iam'
import * as sts from '@aws-sdk/client-sts'
import { product } from '../../src/core/base/product.ts'
import type { Fetch } from '../rest/client.ts'
import { nameOf } from './account.ts'
import { homes } from './config.ts'
import type { Looker } from './inventory.ts'
import { bounded } from './trouble.ts'

/** What a person's requests are signed with; asked again when it is over. */
export type Keys = () => Promise<{
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}>

export interface PersonAt {
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string
  /** In place of AWS's own addresses. */
  readonly url?: string
  readonly keys: Keys
}

/**
 * The SDK's own chain: the environment, the profile in `~/.aws`, single sign-on, the machine. It may sign
 * in to get there, as `aws` does. Undefined where there is nothing.
 */
export async function findKeys(): Promise<Keys | undefined> {
  const [, region = ''] = homes['aws'] ?? []
  const { config } = new sts.STSClient({ region })
  const found = await config.credentials().catch(() => undefined)
  return found && (() => config.credentials())
}

/** `via`: how each request goes out. Nothing is tried twice here: who asks is patient, or is not. */
export function openPerson({ partition, url, keys }: PersonAt, via: Fetch) {
  const [host = '', region = ''] = homes[partition] ?? []
  const at = (address: string) => ({
    endpoint: url ?? `https://${address}`,
    region,
    credentials: keys,
    maxAttempts: 1,
    customUserAgent: product.name,
    useFipsEndpoint: false,
    useDualstackEndpoint: false,
    requestHandler: handlerOver(via),
  })
  const toIam = new iam.IAMClient(at(host))
  const suffix = host.slice(host.indexOf('amazonaws'))
  const toSts = new sts.STSClient(at(`sts.${region}.${suffix}`))
  const looker: Looker = {
    config: { path: `/${product.command}/` },
    issuer: undefined,
    ask: (command, signal) =>
      bounded(nameOf(command), signal, toIam.send(command, { abortSignal: signal })),
  }
  return {
    looker,
    /** The number of the account, which nobody can be denied. */
    async account(signal: AbortSignal): Promise<string> {
      const asked = toSts.send(new sts.GetCallerIdentityCommand({}), { abortSignal: signal })
      return (await bounded('sts:GetCallerIdentity', signal, asked)).Account ?? ''
    },
  }
}

interface Sent {
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** The SDK's requests over a `fetch`. Its own would go past whoever keeps count. */
function handlerOver(via: Fetch) {
  return {
    async handle(sent: Sent, { abortSignal: signal }: { readonly abortSignal?: AbortSignal } = {}) {
      const { protocol, hostname, port, path, method, body } = sent
      const url = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`
      const { host: _, ...headers } = sent.headers
      const init = { method, headers, redirect: 'manual' } as const
      const got = await via(url, { ...init, ...(body && { body }), ...(signal && { signal }) })
      const { status: statusCode } = got
      const read = new Uint8Array(await got.arrayBuffer())
      return { response: { statusCode, headers: Object.fromEntries(got.headers), body: read } }
    },
  }
}
