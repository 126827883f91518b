/**
 * Whether a request was signed with the secret of the key it names, by the public rules of AWS Signature
 * Version 4. Written apart from the SDK, which signs, so that the two have to agree.
 */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface Signed {
  readonly keyId: string
  readonly token: string | undefined
  readonly service: string
  /** With this secret. */
  isBy(secret: string): boolean
}

const skewMs = 15 * 60_000

/** Undefined where it is not signed, or not in a form we know. */
export function readSignature(
  { method, path, headers }: { method: string; path: string; headers: IncomingHttpHeaders },
  body: string,
): Signed | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/(\w+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/
  const [, keyId, day, region, service, names, signature] =
    form.exec(headers.authorization ?? '') ?? []
  if (!keyId || !day || !region || !service || !names) return undefined
  const at = String(headers['x-amz-date'])
  const when = Date.parse(at.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  const token = headers['x-amz-security-token']?.toString()
  const signed = names.split(';')
  const mustBe = ['host', 'x-amz-date', ...(token === undefined ? [] : ['x-amz-security-token'])]
  const isWhole = mustBe.every(each => signed.includes(each)) && at.startsWith(day)
  if (!isWhole || !(Math.abs(Date.now() - when) < skewMs)) return undefined
  const lines = signed.map(name => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}\n`)
  const request = [method, path, '', lines.join(''), names, hash(body)].join('\n')
  const scope = `${day}/${region}/${service}/aws4_request`
  const text = ['AWS4-HMAC-SHA256', at, scope, hash(request)].join('\n')
  const isBy = (secret: string) => {
    let key = Buffer.from(`AWS4${secret}`)
    for (const part of [day, region, service, 'aws4_request']) key = hmac(key, part)
    return hmac(key, text).toString('hex') === signature
  }
  return { keyId, token, service, isBy }
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
