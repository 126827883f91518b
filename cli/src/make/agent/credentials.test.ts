// What is a credential in a text, and what only looks like one. Everything here is made by chance in this run.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { credentialsIn } from './credentials.ts'

const hex = (bytes: number) => randomBytes(bytes).toString('hex')
/** Letters and digits: none of `-` and `_`, which would end some forms early. */
const mixed = (chars: number) =>
  `a1B${randomBytes(chars)
    .toString('base64')
    .replaceAll(/[^A-Za-z0-9]/g, 'x')}`.slice(0, chars)
const upper = (chars: number) => mixed(chars).toUpperCase()
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' })

test.each([
  ['a key of AWS', `AKIA${upper(16)}`],
  ['a token of GitHub', ['ghp', mixed(36)].join('_')],
  ['a token of GitHub', `github_pat_${mixed(40)}`],
  ['a token of GitLab', `glpat-${mixed(20)}`],
  ['a token of Slack', `xoxb-${hex(12)}`],
  ['a key of Anthropic', `sk-ant-api03-${mixed(40)}`],
  ['a key of OpenAI', `sk-proj-${mixed(40)}`],
  ['a key of Stripe', `sk_live_${mixed(24)}`],
  ['a key of Google', `AIza${mixed(35)}`],
  ['a token of Notion', `ntn_${mixed(44)}`],
  ['a private key', pem],
  [
    'a signed token',
    `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ sub: 'someone' })}.${mixed(60)}`,
  ],
  ['a password in an address', `postgresql://maya:${hex(12)}@db.acme.example:5432/crm`],
  ['a value beside the name of a secret', `API_KEY=${mixed(32)}`],
  ['a value beside the name of a secret', `"client_secret": "${mixed(40)}"`],
])('%s is found, and only its kind is said', (kind, secret) => {
  const found = credentialsIn(`before\n${secret}\nafter`)
  expect(found).toContain(kind)
  for (const said of found) expect(said).not.toContain(secret.slice(0, 12))
})

test.each([
  ['a variable in an address', 'psql postgresql://me:$PGPASSWORD@db.example/crm'],
  ['our own door', `psql postgresql://lh_x:${hex(16)}@127.0.0.1:41873/crm`],
  ['what reads one', 'const password = process.env.DATABASE_URL ?? readSecretFromSomewhere1()'],
  ['a word in its place', 'API_KEY=your-api-key-goes-here-123'],
  ['a commit', `git show ${hex(20)}`],
  ['a digest', `"integrity": "sha512-${createHash('sha512').update('x').digest('base64')}"`],
  ['a count', 'max_tokens: 4096, tokenizer: cl100k_base'],
  ['a sentence', 'The password must have sixteen characters or more, says the policy.'],
  ['nothing', ''],
])('%s is none', (_, text) => {
  expect(credentialsIn(text)).toEqual([])
})

test('a text that is too long to be looked at is no clean text', () => {
  expect(() => credentialsIn('x'.repeat(5 * 1024 * 1024))).toThrow('too long')
})

test('looking takes no time that grows with what was written to slow it', () => {
  const from = performance.now()
  for (const odd of [
    'secret'.repeat(40_000),
    'a://'.repeat(60_000),
    '-'.repeat(200_000),
    'eyJ'.repeat(60_000),
  ])
    credentialsIn(odd)
  expect(performance.now() - from).toBeLessThan(3000)
})
