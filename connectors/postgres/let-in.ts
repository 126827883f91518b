/**
 * The server's side of a sign-in: a caller shows the word of its run and is let in, before the target
 * is touched. Knows the protocol and the word, and nothing of leases, policy or the target.
 *
 * ATTACKER: the caller. Each message is bounded, a start-up has few rounds, and who names another user
 * is led through the same exchange as who does not know the word.
 */
import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { base64url } from '../../src/core/base/hash.ts'
import { safeText } from '../../src/core/base/text.ts'
import { bounds } from './bounds.ts'
import * as scram from './scram.ts'
import { Broken, codes, fatal, message, type Reader } from './wire.ts'

/** Whom we speak to: what it says, and what it is told. */
export interface Caller {
  readonly says: Reader
  readonly hears: Pick<Duplex, 'write'>
}

/** What a caller asks for its session beside who it is: sent on to the target as it is. */
export type Settings = ReadonlyMap<string, string>

export interface Start {
  readonly kind: 'session'
  readonly user: string
  readonly database: string
  readonly settings: Settings
}

/** To stop what a session does, by the key that session was given. */
export interface Cancel {
  readonly kind: 'cancel'
  readonly key: string
}

export interface Expected extends Pick<Start, 'user' | 'database'> {
  readonly word: string
}

/** What is told to a caller, in one of PostgreSQL's own states. */
export class Refusal extends Error {
  readonly bytes: Buffer

  constructor(state: string, detail: string, next?: string) {
    super(detail)
    this.bytes = fatal(state, { detail, next })
  }
}

/** The first thing said, after no to TLS and GSSAPI: here both ends are on one machine or in a tunnel. */
export async function readStart(caller: Caller, signal: AbortSignal): Promise<Start | Cancel> {
  for (const asked = new Set<number>(); ; ) {
    const { code, body } = await caller.says.first(signal)
    if (code === codes.cancel) return { kind: 'cancel', key: body.toString('hex') }
    if (code >> 16 === 3) return readSettings(caller, code, body)
    const isQuestion = code === codes.ssl || code === codes.gssenc
    if (!isQuestion || asked.has(code) || body.length > 0)
      throw new Refusal('0A000', 'Only protocol 3 of PostgreSQL is spoken here.')
    asked.add(code)
    caller.hears.write('N')
  }
}

/** Returns when the caller has shown the word, as that user; throws the `Refusal` to tell. */
export async function letIn(
  caller: Caller,
  { user, database }: Start,
  expected: Expected,
  signal: AbortSignal,
): Promise<void> {
  const isUser = user === expected.user
  // Nobody's word, so that the way to a no is as long whoever was named.
  const word = isUser ? expected.word : base64url(randomBytes(32))
  const salt = randomBytes(16)
  const keys = await scram.scramKeys(word, salt, scram.rounds)
  caller.hears.write(message('R', 10, scram.mechanism, ''))
  const isRight = await hearProof(caller, keys, salt, signal)
  if (!isRight || !isUser)
    throw new Refusal(
      '28P01',
      `password authentication failed for user "${safeText(user, 63)}".`,
      'The word is of one run and one lease: use DATABASE_URL as `run` sets it.',
    )
  if (database !== expected.database)
    throw new Refusal(
      '3D000',
      `this lease is for the database "${expected.database}".`,
      'Use DATABASE_URL as `run` sets it; another database is another need.',
    )
}

/** PostgreSQL's own words for a setting; ours are who, where, and what must never be. */
function readSettings(caller: Caller, code: number, body: Buffer): Start {
  const words = body.toString('utf8').split('\0')
  const settings = new Map<string, string>()
  const unknown: string[] = []
  // Pairs, each text ended by NUL, and one NUL at the end.
  if (words.length % 2 !== 0 || words.at(-1) !== '' || words.at(-2) !== '')
    throw new Refusal('08P01', 'That start-up message can not be read.')
  for (let at = 0; at + 2 < words.length; at += 2) {
    const [name = '', value = ''] = words.slice(at, at + 2)
    if (settings.has(name) || name === '')
      throw new Refusal('08P01', 'That start-up message can not be read.')
    if (name.startsWith('_pq_.')) unknown.push(name)
    else settings.set(name, value)
  }
  if (settings.has('replication'))
    throw new Refusal('0A000', 'A lease is for reading and writing data, not for replication.')
  const user = settings.get('user') ?? ''
  const database = settings.get('database') ?? user
  for (const ours of ['user', 'database']) settings.delete(ours)
  if (code !== codes.protocol || unknown.length > 0)
    caller.hears.write(message('v', codes.protocol, unknown.length, ...unknown))
  return { kind: 'session', settings, user, database }
}

async function hearProof(
  caller: Caller,
  keys: scram.ScramKeys,
  salt: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  const { header, bare, nonce } = parseFirst(await readSasl(caller, signal))
  const both = `${nonce}${randomBytes(18).toString('base64')}`
  const serverFirst = `r=${both},s=${salt.toString('base64')},i=${scram.rounds}`
  caller.hears.write(message('R', 11, Buffer.from(serverFirst)))
  const last = (await readSasl(caller, signal)).toString('latin1')
  const [, clientFinal = '', proof = ''] = /^(.*),p=([A-Za-z0-9+/=]+)$/s.exec(last) ?? []
  const binding = Buffer.from(header).toString('base64')
  // RFC 5802 §5.1: what was said first, header and nonces, is what is signed.
  if (clientFinal !== `c=${binding},r=${both}`) return false
  const exchange: scram.Exchange = { clientFirst: bare, serverFirst, clientFinal }
  if (!scram.checkProof(keys, exchange, Buffer.from(proof, 'base64'))) return false
  const signature = scram.serverSignature(keys, exchange).toString('base64')
  caller.hears.write(message('R', 12, Buffer.from(`v=${signature}`)))
  return true
}

/** `n,,` or `y,,`: no channel binding, and nobody acts for another (RFC 5802 §7). */
function parseFirst(body: Buffer): { header: string; bare: string; nonce: string } {
  const end = body.indexOf(0)
  const data = body.subarray(end + 5)
  const isWhole = end > 0 && body.length >= end + 5 && body.readInt32BE(end + 1) === data.length
  if (!isWhole || body.toString('latin1', 0, end) !== scram.mechanism) throw onlyScram()
  const said = /^([ny],,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{8,256}))$/.exec(data.toString('latin1'))
  const [, header, bare, nonce] = said ?? []
  if (header === undefined || bare === undefined || nonce === undefined) throw onlyScram()
  return { header, bare, nonce }
}

async function readSasl(caller: Caller, signal: AbortSignal): Promise<Buffer> {
  const { type, body } = await caller.says.message(bounds.saslBytes, signal)
  if (type !== 'p') throw new Broken('not a message of a sign-in')
  return body
}

function onlyScram(): Refusal {
  return new Refusal('28000', `Only ${scram.mechanism} without channel binding is taken here.`)
}
