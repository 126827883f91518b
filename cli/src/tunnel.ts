/**
 * A door on this machine for as long as one command runs: each connection to it is carried, byte by
 * byte, to a tunnel of its own at the server's gateway. INVARIANT: nothing of what goes through is
 * read or kept here, and the task's token goes to the server alone.
 */
import { once } from 'node:events'
import { type ClientRequest, request as plain } from 'node:http'
import { request as secure } from 'node:https'
import { createServer, type Socket } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { type Credential, showing } from './dpop.ts'

const mostConnections = 20

type Dial = { readonly server: URL; readonly path: string; readonly token: Token }
type Token = (force: boolean) => Promise<Credential | undefined>

/** `told`: why a connection could not be carried. */
export async function openTunnel(dial: Dial, told: (why: string) => void) {
  const open = new Set<Socket>()
  // Without `noDelay` the second small piece of an answer waits 40 ms for an acknowledgement of the first.
  const door = createServer({ allowHalfOpen: true, noDelay: true }, local => {
    open.add(local.on('error', () => {}).on('close', () => open.delete(local)))
    carry(local, dial).catch((error: Error) => {
      local.destroy()
      told(error.message)
    })
  })
  door.maxConnections = mostConnections
  await once(door.listen(0, '127.0.0.1'), 'listening')
  const close = () => {
    door.close()
    for (const local of open) local.destroy()
  }
  return { ...(door.address() as { port: number }), close }
}

async function carry(local: Socket, dial: Dial): Promise<void> {
  const remote = (await reach(dial, false)) ?? (await reach(dial, true))
  if (remote === undefined) throw new Error('The server does not take the token of this task.')
  pipeline(local, remote, local, () => remote.destroy())
}

/** Undefined where another token may help. */
export async function reach(
  { server, path, token }: Dial,
  isAgain: boolean,
): Promise<Duplex | undefined> {
  const url = new URL(path, server)
  const shown = showing((await token(isAgain)) ?? '', 'GET', url)
  const headers = { connection: 'Upgrade', upgrade: 'leasehold-tunnel', ...shown }
  const ask = server.protocol === 'https:' ? secure : plain
  const asked: ClientRequest = ask(url, { headers, agent: false }).end()
  return new Promise((resolve, reject) => {
    asked.once('error', reject).once('upgrade', (_, socket: Socket, head) => {
      socket.unshift(head)
      resolve(socket.setNoDelay(true).on('error', () => socket.destroy()))
    })
    asked.once('response', response => {
      const refuse = (said: unknown = `status ${response.statusCode}`) =>
        reject(new Error(/"detail":"([^"]*)"/.exec(String(said))?.[1] ?? String(said).slice(0, 80)))
      if (response.statusCode === 401) resolve(undefined)
      response.once('data', refuse).once('end', refuse)
    })
  })
}
