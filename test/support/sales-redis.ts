/**
 * A real Redis with a few keys and the connector's users, made by the recipe that the documentation
 * shows; and the connector's configuration for it.
 */
import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'
import { recipeText } from '../../connectors/redis/recipe.ts'
import { addSeconds, systemClock } from '../../src/core/base/time.ts'
import type { IssueOrder } from '../../src/core/target/target.ts'
import type { Certificate } from '../fakes/certificates.ts'
import { type Ask, type RunningRedis, startRedis } from '../fakes/redis.ts'

export interface SalesRedis {
  readonly server: RunningRedis
  readonly ask: Ask
  readonly object: { readonly keys: string[]; readonly channels: string[] }
  readonly config: {
    host: string
    port: number
    user: string
    password: string
    probe: { user: string; password: string }
  }
  stop(): Promise<void>
}

export async function startSalesRedis(
  keeps: Parameters<typeof startRedis>[0] = 'aclfile',
  certificate?: Certificate,
): Promise<SalesRedis> {
  const server = await startRedis(keeps, certificate)
  const { host, port, ask } = server
  const password = newSecret()
  const names = { user: 'leasehold', probe: 'leasehold_probe' }
  for (const line of recipeText({ ...names, password: `>${password}` }).split('\n'))
    await ask(...line.split(' '))
  if (keeps === 'aclfile') await ask('ACL', 'SAVE')
  if (keeps === 'config') await ask('CONFIG', 'REWRITE')
  for (const key of ['crm:deals:1', 'crm:people:1', 'crm:notes:1', 'other:1'])
    await ask('SET', key, 'a value')
  return {
    server,
    ask,
    object: { keys: ['crm:deals:*', 'crm:notes:*', 'crm:people:*'], channels: ['crm:news:*'] },
    config: {
      host,
      port,
      user: names.user,
      password,
      probe: { user: names.probe, password },
    },
    stop: () => server.stop(),
  }
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A lease nobody asked for before: fresh names, fresh secret, every key of the resource. */
export function leaseOrder(sales: SalesRedis, change: Partial<IssueOrder> = {}): IssueOrder {
  const id = randomBytes(8).toString('hex')
  const now = systemClock.now()
  return {
    principal: `lh_t_${id}`,
    holder: `lhg_t_${id}`,
    owner: `lho_t_${id}`,
    object: sales.object,
    actions: ['read'],
    columns: [],
    secret: newSecret(),
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
    ...change,
  }
}

export interface RedisSession {
  readonly ask: Ask
  readonly close: () => Promise<void>
}

/** A session as the holder of that credential has it. The caller closes it. */
export async function signInAs(
  { host, port }: { host: string; port: number },
  username: string,
  password: string,
): Promise<RedisSession> {
  const client = createClient({
    socket: { host, port, reconnectStrategy: false },
    username,
    password,
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
  })
  client.on('error', () => {})
  await client.connect()
  return {
    ask: (...words) => client.sendCommand(words),
    close: async () => {
      if (client.isOpen) client.destroy()
    },
  }
}
