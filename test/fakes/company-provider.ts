/**
 * A pretend company OpenID provider on loopback: `oauth2-mock-server` signs, this says who is who.
 * `login_hint` picks the person, as a browser that is signed in already would; without a hint a page
 * asks. What a test wants to go wrong is set on the returned value.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  Events,
  type MutableRedirectUri,
  type MutableResponse,
  type MutableToken,
  OAuth2Issuer,
  OAuth2Service,
  type TokenRequestIncomingMessage,
} from 'oauth2-mock-server'

export interface CompanyPerson {
  /** Subject at the provider; also the hint that picks the person. */
  readonly sub: string
  readonly name: string
  readonly email: string
}

export interface CompanyProviderFake {
  readonly issuer: string
  readonly clientId: string
  readonly people: readonly CompanyPerson[]
  /** Changes what is signed: a wrong nonce, another audience, another name. */
  tamper: ((token: MutableToken) => void) | undefined
  /** Changes where the browser is sent back to: a dropped state, an `iss` of somebody else. */
  divert: ((url: URL) => void) | undefined
  /** Changes what the token endpoint answers: a token signed by nobody. */
  reply: ((body: Record<string, unknown>) => void) | undefined
  stop(): Promise<void>
}

export async function startCompanyProvider(
  people: readonly CompanyPerson[],
  port = 0,
): Promise<CompanyProviderFake> {
  const issuer = new OAuth2Issuer()
  await issuer.keys.generate('RS256')
  const service = new OAuth2Service(issuer)
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const isAsking = url.pathname === '/authorize' && !url.searchParams.has('login_hint')
    if (!isAsking) return service.requestHandler(req, res)
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.end(choicePage(people, url.searchParams))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  issuer.url = `http://localhost:${(server.address() as AddressInfo).port}`

  const fake: CompanyProviderFake = {
    issuer: issuer.url,
    clientId: 'leasehold',
    people,
    tamper: undefined,
    divert: undefined,
    reply: undefined,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const codes = new Map<string, CompanyPerson>()
  service.on(
    Events.BeforeAuthorizeRedirect,
    (redirect: MutableRedirectUri, req: { url: string }) => {
      const hint = new URL(req.url, 'http://localhost').searchParams.get('login_hint')
      const person = people.find(each => each.sub === hint)
      const code = redirect.url.searchParams.get('code')
      if (person !== undefined && code !== null) codes.set(code, person)
      else {
        redirect.url.searchParams.delete('code')
        redirect.url.searchParams.set('error', 'access_denied')
      }
      fake.divert?.(redirect.url)
    },
  )
  service.on(Events.BeforeTokenSigning, (token: MutableToken, req: TokenRequestIncomingMessage) => {
    const person = codes.get(req.body.code ?? '')
    if (person !== undefined) Object.assign(token.payload, person)
    fake.tamper?.(token)
  })
  service.on(Events.BeforeResponse, ({ body }: MutableResponse) => {
    if (body !== '') fake.reply?.(body)
  })
  return fake
}

function choicePage(people: readonly CompanyPerson[], query: URLSearchParams): string {
  const links = people.map(({ sub, name }) => {
    const params = new URLSearchParams([...query, ['login_hint', sub]])
    return `<li><a href="/authorize?${params.toString().replaceAll('&', '&amp;')}">${name}</a></li>`
  })
  return `<!doctype html><html lang="en"><title>Pretend company sign-in</title>
<h1>Who are you?</h1><p>A pretend company provider, for trying things out.</p><ul>${links.join('')}</ul></html>`
}
