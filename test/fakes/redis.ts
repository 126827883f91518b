// A real Redis of our own for tests, from Debian's `redis-server`: on its own port of 127.0.0.1, ended
// without a trace. Not a fake, though it stands beside them.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { createClient } from 'redis'
import type { Certificate } from './certificates.ts'
import {
  findFreePort,
  findProgram,
  HOST,
  makePlace,
  needs,
  type RunningServer,
  runServer,
} from './server-process.ts'

export type Ask = (...words: string[]) => Promise<unknown>

export interface RunningRedis {
  readonly host: string
  readonly port: number
  /** 0 without a certificate. */
  readonly tlsPort: number
  /** Where the server keeps its files; it writes them as itself, not as us. */
  readonly dataDir: string
  /** As the `default` user, who is not the connector and may everything. */
  readonly ask: Ask
  /** What lies there of users: the file for them, or the configuration. */
  readFile(): Promise<string>
  restart(): Promise<void>
  stop(): Promise<void>
}

export const redis = needs('redis-server')

/** `keeps`: where users are written down when somebody has them written. */
export async function startRedis(
  keeps: 'aclfile' | 'config' | 'nothing',
  certificate?: Certificate,
): Promise<RunningRedis> {
  const place = await makePlace()
  const dataDir = join(place.folder, 'data')
  const port = await findFreePort()
  const password = randomBytes(24).toString('base64url')
  const file = join(dataDir, keeps === 'config' ? 'redis.conf' : 'users.acl')
  const settings: [string, string][] = [
    ['bind', HOST],
    ['port', `${port}`],
    ['dir', dataDir],
    ['save', ''],
    ['appendonly', 'no'],
  ]
  const tlsPort = certificate === undefined ? 0 : await findFreePort()
  if (certificate !== undefined)
    settings.push(
      ['tls-port', `${tlsPort}`],
      ['tls-cert-file', certificate.certFile],
      ['tls-key-file', certificate.keyFile],
      ['tls-ca-cert-file', certificate.caFile],
      ['tls-auth-clients', 'no'],
    )
  const passwordRule = `user default on >${password} ~* &* +@all`
  if (keeps === 'config') {
    const lines = settings.map(([name, value]) => `${name} ${value === '' ? '""' : value}`)
    await fs.writeFile(file, `${[...lines, passwordRule].join('\n')}\n`)
  } else if (keeps === 'aclfile') {
    settings.push(['aclfile', file])
    await fs.writeFile(file, `${passwordRule}\n`)
  } else settings.push(['requirepass', password])
  const { uid, gid } = place.account
  if (keeps !== 'nothing' && uid !== undefined && gid !== undefined) await fs.chown(file, uid, gid)
  const program = findProgram('redis-server') ?? 'redis-server'
  const words = settings.flatMap(([name, value]) => [`--${name}`, value])
  const open = async () => {
    const client = createClient({
      socket: { host: HOST, port, reconnectStrategy: false },
      password,
      RESP: 2,
    })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const start = () =>
    runServer(place, [program, ...(keeps === 'config' ? [file] : words)], async () =>
      (await open()).destroy(),
    )
  const remove = () => fs.rm(place.folder, { recursive: true, force: true })
  let running: RunningServer
  try {
    running = await start()
  } catch (error) {
    await remove()
    throw error
  }
  let admin = await open()
  return {
    host: HOST,
    port,
    tlsPort,
    dataDir,
    ask: (...sent) => admin.sendCommand(sent),
    readFile: () => fs.readFile(file, 'utf8'),
    async restart() {
      admin.destroy()
      await running.stop()
      running = await start()
      admin = await open()
    },
    async stop() {
      admin.destroy()
      await running.stop()
      await remove()
    },
  }
}
