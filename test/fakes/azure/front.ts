/**
 * The pretend Entra as Microsoft's own client insists on it: behind TLS, with its discovery document. All
 * else goes on to the pretend Azure unchanged, which stays the judge.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FakeAzure } from '../azure.ts'
import { makeCertificate } from '../certificates.ts'

export interface EntraFront {
  readonly url: string
  /** Who signed its certificate, PEM. */
  readonly ca: string
  /** Each request in order. */
  readonly asked: string[]
  close(): Promise<void>
}

export async function startEntraFront(azure: FakeAzure): Promise<EntraFront> {
  const certificate = await makeCertificate('localhost')
  const { ca, certFile, keyFile } = certificate
  const asked: string[] = []
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const server = createServer(tls, (req, res) => {
    const { method = '', url: path = '', headers } = req
    asked.push(`${method} ${path.replace(/\?.*/s, '')}`)
    const answer = async () => {
      if (path.startsWith(`/${azure.tenant}/v2.0/.well-known/openid-configuration`))
        return { status: 200, text: JSON.stringify(discoveryOf(url, azure.tenant)) }
      let body = ''
      for await (const part of req) body += String(part)
      const type = headers['content-type'] ?? 'application/octet-stream'
      const init = { method, headers: { 'content-type': type }, ...(body !== '' && { body }) }
      const got = await fetch(`${azure.url}${path}`, init)
      return { status: got.status, text: await got.text() }
    }
    answer().then(
      ({ status, text }) => res.writeHead(status, { 'content-type': 'application/json' }).end(text),
      () => res.destroy(),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  return {
    url,
    ca,
    asked,
    async close() {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
      await certificate.remove()
    },
  }
}

function discoveryOf(url: string, tenant: string) {
  return {
    issuer: `${url}/${tenant}/v2.0`,
    authorization_endpoint: `${url}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${url}/${tenant}/oauth2/v2.0/token`,
    jwks_uri: `${url}/${tenant}/discovery/v2.0/keys`,
  }
}
