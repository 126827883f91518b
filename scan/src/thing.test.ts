/** What is shown of a thing is safe, and says no more than the system does. */
import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Found } from '../../src/core/target/target.ts'
import { newSecret } from '../../test/support/scan-world.ts'
import { shown, thingOf } from './thing.ts'

const found = (is: Partial<Found>): Found => ({
  id: 'key acme/desk 1',
  kind: 'key',
  name: 'deploy',
  ours: false,
  madeAt: null,
  lastUsedAt: null,
  details: { of: ['acme/desk'] },
  ...is,
})

describe('a text from outside', () => {
  test('with a secret in it is shown without', () => {
    const planted = { secrets: [] as string[] }
    for (let i = 0; i < 8; i++) newSecret(planted)
    for (const secret of planted.secrets) expect(shown(`old ${secret} key`)).not.toContain(secret)
    expect(shown('postgres://maya:hunter2pw@db/crm')).not.toContain('hunter2pw')
  })
  test.each([
    'acme/deal-desk',
    'AWS_SECRET_ACCESS_KEY',
    'arn:aws:iam::123456789012:role/deploy',
    'b1f6d2c4-9a55-4c8e-9d3f-0a1b2c3d4e5f',
    'member-101',
    'x'.repeat(64),
  ])('%s is shown as it is', text => {
    expect(shown(text)).toBe(text)
  })
  test('that could turn or hide letters is shown with a dot in their place', () => {
    expect(shown('a\u202eb\u200bc\u0007d')).toBe('a·b·c·d')
  })
  test('that is long is cut', () => {
    expect([...shown('é'.repeat(500))].length).toBeLessThanOrEqual(160)
  })
})

describe('an id that a cloud made', () => {
  const hex = createHash('sha1').update('a').digest('hex')
  const email = 'etl@acme-data.iam.gserviceaccount.com'
  const sso = 'AWSReservedSSO_AdministratorAccess_0a1b2c3d4e5f6071'
  const arn = `role arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/${sso}`
  test.each([
    ['gcp:acme-data', 'key', `key ${email} ${hex}`, hex],
    ['aws:123456789012', 'role', arn, sso],
  ] as const)('at %s is shown, for it is what a person looks for', (system, kind, id, name) => {
    expect(thingOf(system, found({ kind, id, name, details: {} }))).toMatchObject({ id, name })
  })
  test('is no reason to show what somebody wrote in the same form', () => {
    expect(thingOf('github:acme', found({ name: hex }))?.name).not.toContain(hex)
    const account = found({ kind: 'account', id: `account ${hex}`, name: hex, details: {} })
    expect(JSON.stringify(thingOf('gcp:acme-data', account))).not.toContain(hex)
    const planted = { secrets: [] as string[] }
    for (const secret of [newSecret(planted), newSecret(planted), newSecret(planted)]) {
      const role = found({ kind: 'role', id: `role x/${secret}`, name: secret, details: {} })
      expect(JSON.stringify(thingOf('aws:123456789012', role))).not.toContain(secret)
    }
  })
})

describe('in a cloud', () => {
  const account = (details: Found['details']) =>
    thingOf('azure:x', found({ kind: 'account', id: 'account x', name: 'etl', details }))
  test.each([
    [{ type: 'Application', isForeign: false }, 'rights', []],
    [{ type: 'Application', isForeign: true }, 'access', ['of another tenant']],
    [{ type: 'ManagedIdentity', isForeign: false }, 'access', []],
    [
      { type: 'ManagedIdentity', isForeign: false, isEnabled: false },
      'access',
      ['can not sign in now'],
    ],
  ])('%j is %s', (details, group, notes) => {
    expect(account(details)).toMatchObject({ group, notes })
  })
  const own = '123456789012'
  const user = (n: number) => `arn:aws:iam::${own}:user/maya-${n}`
  test.each([
    [[`arn:aws:iam::${own}:root`, own, user(1), 'ec2.amazonaws.com'], []],
    [[`arn:aws:iam::${own}:oidc-provider/token.actions.example`], []],
    [['arn:aws:sts::999988887777:assumed-role/x/y'], ['lets in 999988887777']],
    [['arn:aws-us-gov:iam::999988887777:root', '999988887777'], ['lets in 999988887777']],
    [['null'], ['lets in everybody its conditions let in']],
    [Array.from({ length: 19 }, (_, i) => user(i)), []],
    // More may stand behind what is told: that is not called harmless.
    [Array.from({ length: 20 }, (_, i) => user(i)), ['lets in 20 or more']],
  ])('a role that trusts %j says %j', (trusts, notes) => {
    const id = `role arn:aws:iam::${own}:role/x`
    const role = thingOf('aws:x', found({ kind: 'role', id, name: 'x', details: { trusts } }))
    expect(role).toMatchObject({ notes, group: notes.length > 0 ? 'access' : 'rights' })
  })
})

describe('a thing', () => {
  test('that the system lets live until somebody stops it never ends', () => {
    expect(thingOf('github:acme', found({}))).toMatchObject({
      kind: 'deploy key',
      neverEnds: true,
      where: 'acme/desk',
      isUseTold: true,
    })
  })
  test('whose end is told ends then, and never where none is set', () => {
    const role = { kind: 'account' as const, details: { validUntil: '2027-01-01T00:00:00.000Z' } }
    expect(thingOf('postgres://db', found(role))).toMatchObject({
      endsAt: '2027-01-01T00:00:00.000Z',
      neverEnds: false,
    })
    const without = found({ ...role, details: { validUntil: null } })
    expect(thingOf('postgres://db', without)?.neverEnds).toBe(true)
  })
  test('of which the system does not say it is not said', () => {
    const bot = thingOf('notion', found({ kind: 'account', details: {} }))
    expect(bot?.neverEnds).toBeNull()
    expect(bot?.isUseTold).toBe(false)
  })
  test('is a variable only where its name is one of a key', () => {
    const named = (name: string) => thingOf('github:acme', found({ kind: 'variable', name }))
    expect(named('STRIPE_API_KEY')?.kind).toBe('variable named like a key')
    expect(named('REGION')).toBeUndefined()
  })
  test('that is a person, or rights nobody signs in with, is of another group', () => {
    const group = (system: string, is: Partial<Found>) =>
      thingOf(system, found({ name: 'maya', ...is }))?.group
    expect(group('github:acme', { kind: 'account', details: { role: 'member' } })).toBe('person')
    expect(group('snowflake:a', { kind: 'account', details: { type: 'PERSON' } })).toBe('person')
    expect(group('snowflake:a', { kind: 'account', details: { type: 'SERVICE' } })).toBe('access')
    expect(group('postgres://db', { kind: 'role', details: {} })).toBe('rights')
  })
  test('that is an account named like a machine is one of those that never end', () => {
    const member = (name: string) =>
      thingOf('github:acme', found({ kind: 'account', name, details: { role: 'member' } }))
    expect(member('deploy-bot')).toMatchObject({
      group: 'access',
      kind: 'member named like a machine',
      neverEnds: true,
    })
    for (const name of ['maya', 'abbott', 'cicero']) expect(member(name)?.group).toBe('person')
  })
  test('that may do much says so', () => {
    const details = {
      permissions: { contents: 'write', metadata: 'read' },
      repository_selection: 'all',
    }
    expect(thingOf('github:acme', found({ kind: 'app', details }))?.notes).toEqual([
      'may write: contents',
      'all repositories',
    ])
    expect(thingOf('github:acme', found({ details: { read_only: true } }))?.notes).toEqual([])
  })
})
