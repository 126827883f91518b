import { expect, test } from 'vitest'
import { parseExchange } from './form.ts'

const api = 'http://localhost:4400/v1'
const jwt = 'urn:ietf:params:oauth:token-type:jwt'
const good = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: 'a.b.c',
  subject_token_type: jwt,
  scope: 'refresh',
}
const parse = (more: Record<string, string | undefined> = {}) => {
  const said = Object.entries({ ...good, ...more }).filter(([, value]) => value !== undefined)
  return parseExchange(new Map(said), [api, 'other'])
}

test('a form becomes one question: who, what for, for whom', () => {
  expect(parse()).toEqual({
    subjectToken: 'a.b.c',
    purpose: 'refresh',
    audience: api,
    identity: undefined,
  })
  expect(parse({ identity: 'deal-desk/run', audience: 'other' })).toMatchObject({
    identity: 'deal-desk/run',
    audience: 'other',
  })
  expect(parse({ resource: 'other' }).audience).toBe('other')
  expect(parse({ audience: 'other', resource: 'other' }).audience).toBe('other')
})

test.each(['id_token', 'access_token', 'jwt'])('a subject token may be an %s', name => {
  const subject_token_type = `urn:ietf:params:oauth:token-type:${name}`
  expect(parse({ subject_token_type }).subjectToken).toBe('a.b.c')
})

test('what is not known is passed over', () => {
  expect(parse({ client_id: 'leasehold-cli', foo: 'bar' })).toEqual(parse())
})

test.each([
  ['another grant', { grant_type: 'client_credentials' }, 'unsupported-grant', 'grant_type'],
  ['no grant', { grant_type: undefined }, 'unsupported-grant', 'grant_type'],
  ['no token', { subject_token: undefined }, 'bad-request', 'subject_token'],
  ['an empty token', { subject_token: '' }, 'bad-request', 'subject_token'],
  ['no type', { subject_token_type: undefined }, 'bad-request', 'subject_token_type'],
  ['a type by half its name', { subject_token_type: 'jwt' }, 'bad-request', 'subject_token_type'],
  [
    'a SAML assertion',
    { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    'bad-request',
    'subject_token_type',
  ],
  ['a wish for a refresh token', { requested_token_type: `${jwt}x` }, 'bad-request', undefined],
  ['an actor', { actor_token: 'a.b.c' }, 'bad-request', 'actor_token'],
  ['an actor’s type', { actor_token_type: jwt }, 'bad-request', 'actor_token_type'],
  ['no purpose', { scope: undefined }, 'invalid-scope', 'scope'],
  ['two purposes', { scope: 'refresh board' }, 'invalid-scope', 'scope'],
  ['an empty purpose', { scope: '' }, 'invalid-scope', 'scope'],
  ['a purpose that breaks the line', { scope: 'refresh\n' }, 'invalid-scope', 'scope'],
  ['a very long purpose', { scope: 'a'.repeat(81) }, 'invalid-scope', 'scope'],
  ['an audience not served', { audience: 'https://evil.example' }, 'invalid-target', 'audience'],
  ['an audience with a slash more', { audience: `${api}/` }, 'invalid-target', 'audience'],
  ['two audiences', { audience: api, resource: 'other' }, 'invalid-target', 'audience'],
  ['an empty audience', { audience: '' }, 'invalid-target', 'audience'],
])('%s is refused, and the parameter is named', (_what, more, code, field) => {
  expect(() => parse(more)).toThrow(
    expect.objectContaining({ code, ...(field === undefined ? {} : { field }) }),
  )
})

test('a server that serves no audience gives no token', () => {
  expect(() => parseExchange(new Map(Object.entries(good)), [])).toThrow(
    expect.objectContaining({ code: 'invalid-target' }),
  )
})
