import { describe, expect, test } from 'vitest'
import { parseDelegation, parseExchange } from './form.ts'

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
  [
    'the type of an actor that is not sent',
    { actor_token_type: jwt },
    'bad-request',
    'actor_token_type',
  ],
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

describe('a form that delegates', () => {
  const access = 'urn:ietf:params:oauth:token-type:access_token'
  const spiffe = 'spiffe://example.com/app/helper/run'
  const delegation = (more: Record<string, string | undefined>) => {
    const own = { ...good, subject_token_type: access, ...more }
    const said = Object.entries(own).filter(([, value]) => value !== undefined)
    return parseDelegation(new Map(said), [api, 'other'])
  }
  const acting = { actor_token: 'd.e.f', actor_token_type: access }

  test('hands work on to the identity that is its audience', () => {
    const step = { step: 'hand-on', own: 'a.b.c', to: spiffe }
    expect(delegation({ audience: spiffe, scope: undefined })).toEqual(step)
  })

  test('takes up what was handed on, with its own token as the actor’s', () => {
    const step = { step: 'take-up', own: 'd.e.f', handed: 'a.b.c', purpose: 'refresh' }
    expect(delegation(acting)).toEqual(step)
  })

  test('is none without an actor and such an audience', () => {
    expect(delegation({})).toBeUndefined()
    expect(delegation({ audience: 'https://spiffe.example' })).toBeUndefined()
  })

  test.each<[string, Record<string, string | undefined>, string]>([
    ['another grant', { ...acting, grant_type: 'password' }, 'grant_type'],
    ['an actor of no type', { ...acting, actor_token_type: undefined }, 'actor_token_type'],
    ['an actor by a foreign token', { ...acting, actor_token_type: jwt }, 'actor_token_type'],
    ['a foreign subject', { ...acting, subject_token_type: jwt }, 'subject_token_type'],
    [
      'a foreign token handed on',
      { audience: spiffe, subject_token_type: jwt },
      'subject_token_type',
    ],
    ['no purpose', { ...acting, scope: undefined }, 'scope'],
    ['an audience not served', { ...acting, audience: 'https://evil.example' }, 'audience'],
    ['an identity as audience of an actor', { ...acting, audience: spiffe }, 'audience'],
    ['nothing handed on', { ...acting, subject_token: '' }, 'subject_token'],
  ])('with %s is refused, and the parameter is named', (_what, more, field) => {
    expect(() => delegation(more)).toThrow(expect.objectContaining({ field }))
  })
})
