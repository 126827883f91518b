/**
 * Reads rows through the door that `leasehold dev` and `run` open on this machine: PostgreSQL's protocol 3 with
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), simple queries, everything as text. Not a general driver: `npm install pg` for
 * more, it takes the same DATABASE_URL.
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { connect as dial, type Socket } from 'node:net'

export type Row = Record<string, string | null>
export type Database = { ask(sql: string): Promise<Row[]>; close(): void }
type Message = { kind: string; body: Buffer }

const mostBytes = 32 * 1024 * 1024
const waitMs = 10_000

/** What the database, or the rules in front of it, said no with. */
export class Refused extends Error {
  readonly code: string

  constructor(code: string, says: string) {
    super(says)
    this.code = code
  }
}

export async function connect(address: string): Promise<Database> {
  const { hostname, port, username, password, pathname } = new URL(address)
  const socket = dial({ host: hostname, port: Number(port) })
  socket.setTimeout(waitMs, () => socket.destroy(new Error('no answer in time')))
  const told = messagesOf(socket)
  const next = () => read(told)
  const [user, database] = [username, pathname.slice(1)].map(decodeURIComponent)
  const names = Buffer.from(`user\0${user}\0database\0${database}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(names.length + 8)
  head.writeInt32BE(3 << 16, 4)
  socket.write(Buffer.concat([head, names]))
  try {
    await signIn(socket, next, decodeURIComponent(password))
    for (let { kind } = await next(); kind !== 'Z'; ) kind = (await next()).kind
  } catch (error) {
    socket.destroy()
    throw error
  }
  return { ask: sql => ask(socket, next, sql), close: () => socket.destroy() }
}

async function signIn(socket: Socket, next: () => Promise<Message>, password: string) {
  const nonce = randomBytes(18).toString('base64')
  const first = `n=,r=${nonce}`
  let proof: Buffer | undefined
  for (;;) {
    const { kind, body } = await next()
    if (kind !== 'R') continue
    const [step, says] = [body.readInt32BE(0), body.toString('utf8', 4)]
    if (step === 0 && proof === undefined) return
    if (step === 10) {
      const size = Buffer.alloc(4)
      size.writeInt32BE(first.length + 3)
      send(
        socket,
        'p',
        Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), size, Buffer.from(`n,,${first}`)]),
      )
    } else if (step === 11) {
      const [, joint = '', salt = '', rounds = ''] =
        /^r=([^,]+),s=([^,]+),i=(\d{1,6})$/.exec(says) ?? []
      if (!joint.startsWith(nonce)) throw new Refused('28000', 'The door does not know this run.')
      const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256')
      const last = `c=biws,r=${joint}`
      const all = `${first},${says},${last}`
      const key = hmac(salted, 'Client Key')
      const mask = hmac(createHash('sha256').update(key).digest(), all)
      proof = hmac(hmac(salted, 'Server Key'), all)
      const shown = key.map((byte, i) => byte ^ (mask[i] ?? 0))
      send(socket, 'p', Buffer.from(`${last},p=${Buffer.from(shown).toString('base64')}`))
    } else if (step === 12 && proof !== undefined) {
      const theirs = Buffer.from(says.replace(/^v=/, ''), 'base64')
      // Who does not know the word of this run is not our door.
      if (theirs.length !== proof.length || !timingSafeEqual(theirs, proof)) break
      proof = undefined
    } else break
  }
  throw new Refused('28000', 'This is not the door of this run.')
}

async function ask(socket: Socket, next: () => Promise<Message>, sql: string): Promise<Row[]> {
  send(socket, 'Q', Buffer.from(`${sql}\0`))
  const rows: Row[] = []
  let names: string[] = []
  let refused: unknown
  for (;;) {
    const { kind, body } = await next().catch((error: unknown) => {
      if (!(error instanceof Refused) || error.code === '08006') throw refused ?? error
      refused = error
      return { kind: 'E', body: Buffer.alloc(0) }
    })
    if (kind === 'T') names = namesIn(body)
    if (kind === 'D') rows.push(rowIn(body, names))
    if (kind !== 'Z') continue
    if (refused !== undefined) throw refused
    return rows
  }
}

function namesIn(body: Buffer): string[] {
  const names: string[] = []
  for (let at = 2; at < body.length; at += 18) {
    const end = body.indexOf(0, at)
    names.push(body.toString('utf8', at, end))
    at = end + 1
  }
  return names
}

function rowIn(body: Buffer, names: readonly string[]): Row {
  let at = 2
  const row: Row = {}
  for (const name of names) {
    const size = body.readInt32BE(at)
    at += 4
    row[name] = size < 0 ? null : body.toString('utf8', at, at + size)
    at += Math.max(0, size)
  }
  return row
}

function send(socket: Socket, kind: string, body: Buffer): void {
  const head = Buffer.alloc(5)
  head.write(kind)
  head.writeInt32BE(body.length + 4, 1)
  socket.write(Buffer.concat([head, body]))
}

async function read(told: AsyncGenerator<Message>): Promise<Message> {
  const { value, done } = await told.next()
  if (done === true) throw new Refused('08006', 'The connection was closed.')
  if (value.kind !== 'E') return value
  const parts = value.body.toString('utf8').split('\0').filter(Boolean)
  const part = (letter: string) => parts.find(each => each.startsWith(letter))?.slice(1)
  const says = [part('M'), part('H')].filter(Boolean).join(' ')
  throw new Refused(part('C') ?? 'XX000', says)
}

async function* messagesOf(socket: Socket): AsyncGenerator<Message> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5) {
      const size = rest.readInt32BE(1) + 1
      if (size < 5 || size > mostBytes)
        throw new Refused('08P01', 'That is no answer of a database.')
      if (rest.length < size) break
      yield { kind: String.fromCharCode(rest[0] ?? 0), body: rest.subarray(5, size) }
      rest = rest.subarray(size)
    }
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
