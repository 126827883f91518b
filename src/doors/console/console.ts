/**
 * The console: its files as they were built, and its page under each address people see. It decides
 * nothing and knows nothing: what the page shows it asks of the API, as the person whose session it is.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { getMimeType } from 'hono/utils/mime'
import { sendRedirect } from '../api/oauth/answer.ts'
import { cookieJar } from '../api/oauth/cookies.ts'
import { readRequest, type Visit } from '../api/oauth/request.ts'
import { consolePath, type PagesWorld, sessionOf } from '../api/oauth/sign-in.ts'

/** No script and no style but our own files, nothing from or to anywhere else, no text made into markup. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'"

type Seen = Pick<PagesWorld, 'issuer' | 'store' | 'clock'>

/** Undefined where it is not built. `folder` is read once: what is built later is there at the next start. */
export function openConsole({ issuer, store, clock }: Seen, folder: string) {
  const own = ['index.html', 'answer.html'] as const
  if (!own.every(name => existsSync(join(folder, name)))) return undefined
  const jar = cookieJar(issuer.startsWith('https:'))
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isServed)
  // ATTACKER: `/assets/../..`. A path is looked up among the names that were read, never opened.
  const files = new Map(
    names.map(name => [`/${name.replaceAll('\\', '/')}`, readFile(folder, name)]),
  )
  const [page, answering] = [readFile(folder, own[0]), readFile(folder, own[1])]
  const show = ({ req, res }: Pick<Visit, 'req' | 'res'>) => {
    res.setHeader('Content-Security-Policy', policy)
    send(req, res, req.url?.startsWith('/a/') ? answering : page)
  }
  /** Answers true when the request was ours and is answered. */
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<boolean> => {
    const { url = '', method = '', headers } = req
    const file = files.get(url)
    if (!['GET', 'HEAD'].includes(method) || !(file || consolePath.test(url))) return false
    if (file !== undefined) {
      // A name that carries the hash of what it names stays what it is.
      const isHashed = /-[\w-]{8}\.\w+$/.test(url)
      res.setHeader('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      send(req, res, file)
      // Cookies live under one name: a page asked for at 127.0.0.1 is at home at the issuer's.
    } else if (headers.host !== new URL(issuer).host) sendRedirect(res, `${issuer}${url}`)
    else if (await sessionOf({ jar, store, clock }, readRequest(req))) show({ req, res })
    else sendRedirect(res, `/sign-in?to=${encodeURIComponent(url)}`)
    return true
  }
  return { show, answer }
}

const isServed = (name: string) => /^assets.+\.\w+$/.test(name)

function readFile(folder: string, name: string) {
  const plain = readFileSync(join(folder, name))
  return { plain, packed: gzipSync(plain), type: getMimeType(name) ?? 'text/plain' }
}

type File = ReturnType<typeof readFile>

function send({ headers }: IncomingMessage, res: ServerResponse, { type, ...file }: File): void {
  const isPacked = /\bgzip\b/.test(String(headers['accept-encoding']))
  if (isPacked) res.setHeader('Content-Encoding', 'gzip')
  const body = isPacked ? file.packed : file.plain
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length })
  res.end(body)
}
