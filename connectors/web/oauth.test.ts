import { Client } from '@modelcontextprotocol/client'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type AuthorizationServer,
  startAuthorizationServer,
} from '../../test/fakes/authorization-server.ts'
import { startWebTarget, type WebTarget } from '../../test/fakes/web-target.ts'
import { type SignInAs, signInAt } from './oauth.ts'

const secret = 'a-secret-of-ours-0123456789'
const redirectUrl = 'http://localhost:3999/callback'
let target: WebTarget
let server: AuthorizationServer
let isContent: boolean

beforeEach(async () => {
  isContent = true
  target = await startWebTarget('')
  server = await startAuthorizationServer({ id: 'us', secret }, token => {
    target.key = isContent ? token : 'another'
  })
  target.says = { authorization_servers: [server.issuer] }
  return async () => {
    await target.close()
    await server.close()
  }
})

const known = () => ({ client_id: 'us', client_secret: secret, issuer: server.issuer })

/** Where a person was sent, and what became of it. */
async function signIn(more: Partial<SignInAs> = {}, change = (_: URLSearchParams) => {}) {
  const sent: URL[] = []
  const { transport, through } = signInAt({
    url: new URL(`${target.url}/mcp`),
    redirectUrl,
    client: known(),
    authorize: async url => {
      sent.push(url)
      const state = url.searchParams.get('state') ?? ''
      const answer = new URLSearchParams({ code: 'a-code', state, iss: server.issuer })
      change(answer)
      return answer
    },
    ...more,
  })
  const versionNegotiation = { mode: 'legacy' } as const
  const said = await through(async () => {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation })
    await client.connect(transport())
    await client.close()
  }).then(
    () => 'let in',
    (thrown: unknown) => String(thrown),
  )
  return { sent, said }
}

describe('a person signs us in', () => {
  test('by a code for this target, with a proof that only we have', async () => {
    const { sent, said } = await signIn()
    expect(said).toBe('let in')
    const asked = Object.fromEntries(sent[0]?.searchParams ?? [])
    expect(asked).toMatchObject({
      client_id: 'us',
      response_type: 'code',
      code_challenge_method: 'S256',
      redirect_uri: redirectUrl,
      resource: `${target.url}/mcp`,
    })
    const [{ form } = { form: {} as Record<string, string> }] = server.asked
    expect(form).toMatchObject({ grant_type: 'authorization_code', code: 'a-code' })
    expect(form['code_verifier']).toMatch(/^[\w.~-]{43,128}$/)
  })

  test('twice and no more where the server is never content', async () => {
    isContent = false
    const { sent, said } = await signIn()
    expect(sent).toHaveLength(2)
    expect(said).toContain('It wants a person again and again.')
    expect(server.asked).toHaveLength(2)
  })

  test.each([
    ['no state', (answer: URLSearchParams) => answer.delete('state')],
    ['another state', (answer: URLSearchParams) => answer.set('state', 'x')],
    ['two states', (answer: URLSearchParams) => answer.append('state', answer.get('state') ?? '')],
    ['another issuer', (answer: URLSearchParams) => answer.set('iss', 'https://evil.example')],
    ['no code', (answer: URLSearchParams) => answer.delete('code')],
  ])('not by an answer with %s', async (_, change) => {
    const { said } = await signIn({}, change)
    expect(said).not.toBe('let in')
    expect(said).not.toContain(secret)
    expect(server.asked).toEqual([])
  })

  test.each([
    ['a page that runs', 'javascript:alert(document.cookie)'],
    ['a file', 'file:///bin/sh'],
    ['a command', 'calc:$(touch x)'],
    ['http elsewhere', 'http://id.example/authorize'],
  ])('never at %s', async (_, endpoint) => {
    server.says = { authorization_endpoint: endpoint }
    const { sent, said } = await signIn()
    expect({ sent, isIn: said === 'let in' }).toEqual({ sent: [], isIn: false })
  })

  test('nowhere but at the issuer that our client is of', async () => {
    const elsewhere = { ...known(), issuer: 'https://id.example' }
    const { sent, said } = await signIn({ client: elsewhere })
    expect({ sent, isIn: said === 'let in' }).toEqual({ sent: [], isIn: false })
    expect(server.asked).toEqual([])
  })
})
