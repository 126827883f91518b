/**
 * A pretend organisation as companies have them: repositories by the hundred, keys nobody remembers, CI
 * that keeps what it does not need. Made by a seed, with facts whose ids are written down, and with
 * secrets in everything that is answered beside what was asked for.
 */
import { randomBytes } from 'node:crypto'
import { addMs, type Instant } from '../../src/core/base/time.ts'
import { type FakeRepository, newRepository, type Row } from '../fakes/github/state.ts'
import type { FakeGithub } from '../fakes/github.ts'

export interface Fact {
  readonly what: string
  readonly id: string
}

export interface Planted {
  /** Ids of all that the API shows to an owner, but for repositories. */
  readonly ids: string[]
  readonly facts: Fact[]
  /** What no report may hold. */
  readonly secrets: string[]
  /** What the API shows to nobody. */
  readonly hidden: string[]
}

export interface Sizes {
  readonly repositories: number
  readonly identities: number
  readonly facts: number
}

/** Small and good enough: the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Planting extends Planted {
  readonly github: FakeGithub
  readonly random: () => number
  nextId: number
}

export function plantOrganisation(github: FakeGithub, seed: number, sizes: Sizes): Planted {
  const at: Planting = {
    github,
    random: randomOf(seed),
    ids: [],
    facts: [],
    secrets: [],
    hidden: [],
    nextId: 10_000,
  }
  github.repositories = Array.from({ length: sizes.repositories }, (_, i) => plantRepository(at, i))
  plantPeople(at)
  plantOrganisationWide(at)
  for (let i = 0; at.facts.length < sizes.facts; i++) plantFact(at, i)
  while (at.ids.length < sizes.identities) plantOrdinary(at)
  return at
}

/** Of the form of a key somebody would have; each its own, none of them anybody's. */
export function newSecret({ secrets }: Pick<Planted, 'secrets'>): string {
  const made = [
    `ghp_${randomBytes(18).toString('hex')}`,
    `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    `xoxb-${randomBytes(12).toString('hex')}`,
    randomBytes(24).toString('hex'),
  ][secrets.length % 4] as string
  secrets.push(made)
  return made
}

const ago = ({ github, random }: Planting, mostDays: number, leastDays = 0): Instant =>
  addMs(
    github.clock.now(),
    -Math.floor((leastDays + random() * (mostDays - leastDays)) * 86_400_000),
  )
const seconds = (at: Instant) => at.replace(/\.\d+Z$/, 'Z')
const pick = <T>({ random }: Planting, of: readonly T[]): T =>
  of[Math.floor(random() * of.length)] as T
const number = (at: Planting) => (at.nextId += 1)

const subjects = 'billing deals invoice portal leads report sync crawler board forecast'.split(' ')
const forms = 'api app bot desk hub job tool web'.split(' ')

function plantRepository(at: Planting, i: number): FakeRepository {
  const name = `${subjects[i % subjects.length]}-${pick(at, forms)}-${i}`
  const note = `seen in chat: ${newSecret(at)}`
  const files = new Map([['README.md', note]])
  if (at.random() < 0.7) files.set('.github/workflows/test.yml', ordinaryWorkflow(newSecret(at)))
  if (at.random() < 0.4) files.set('CODEOWNERS', `* @${person(at)}\n`)
  return { ...newRepository(name, 20_000 + i), files, changes: new Map(), secretNote: note }
}

const memberCount = 120
const person = (at: Planting) => `member-${Math.floor(at.random() * memberCount)}`
const leaver = (at: Planting) => `left-${Math.floor(at.random() * 30)}`

function plantPeople(at: Planting): void {
  const people = (word: string, howMany: number): Row[] =>
    Array.from({ length: howMany }, (_, i) => ({ login: `${word}-${i}`, id: number(at) }))
  at.github.members = people('member', memberCount)
  at.github.outsiders = people('outside', 15)
  for (const each of [...at.github.members, ...at.github.outsiders])
    at.ids.push(`account acme ${String(each['id'])}`)
}

function plantOrganisationWide(at: Planting): void {
  const { of } = at.github
  for (let i = 0; i < 8; i++) plantApp(at, `helper-${i}`, 'selected')
  for (let i = 0; i < 8; i++) {
    of.secrets.push({ name: `SHARED_${i}`, visibility: 'all', ...dates(at) })
    at.ids.push(`secret acme SHARED_${i}`)
  }
  for (let i = 0; i < 3; i++) of.hooks.push(hook(at, 'acme'))
  for (let i = 0; i < 5; i++) of.runners.push(runner(at, 'acme'))
  of.variables.push({ name: 'REGION', value: newSecret(at), visibility: 'all', ...dates(at) })
  of.variables.push({
    name: 'LEGACY_API_TOKEN',
    value: newSecret(at),
    visibility: 'all',
    ...dates(at),
  })
  at.ids.push('variable acme LEGACY_API_TOKEN')
  // Nobody with a token of their own is shown these.
  for (let i = 0; i < 5; i++) {
    of.tokens.push({ id: number(at), token_name: `laptop-${i}`, owner: { login: person(at) } })
    at.hidden.push(`laptop-${i}`)
  }
}

function dates(at: Planting, leastDays = 0): Row {
  const made = seconds(ago(at, 1_500, leastDays))
  return { created_at: made, updated_at: made }
}

function plantApp(at: Planting, app_slug: string, repository_selection: string): string {
  const id = number(at)
  const permissions = repository_selection === 'all' ? { contents: 'write' } : { metadata: 'read' }
  const about = { id, app_id: id, app_slug, permissions, repository_selection, ...dates(at) }
  at.github.of.apps.push({ ...about, html_url: `https://github.test/${newSecret(at)}` })
  at.ids.push(`app acme ${id}`)
  return `app acme ${id}`
}

function hook(at: Planting, of: string): Row {
  const id = number(at)
  at.ids.push(`hook ${of} ${id}`)
  const config = { url: `https://hooks.example/${newSecret(at)}`, secret: newSecret(at) }
  return { id, name: 'web', active: true, events: ['push'], config, ...dates(at) }
}

function runner(at: Planting, of: string): Row {
  const id = number(at)
  at.ids.push(`runner ${of} ${id}`)
  return { id, name: `runner-${id}`, os: 'linux', status: 'online', busy: false, labels: [] }
}

function key(at: Planting, one: FakeRepository, is: Row = {}): string {
  const id = number(at)
  const used = at.random() < 0.7 ? seconds(ago(at, 60)) : null
  const { created_at } = dates(at, 70)
  const made = { added_by: person(at), read_only: true, last_used: used, created_at, ...is }
  const about = { id, title: `deploy-${id}`, key: `ssh-ed25519 ${newSecret(at)}`, verified: true }
  one.keys.push({ ...about, ...made })
  at.ids.push(`key acme/${one.name} ${id}`)
  return `key acme/${one.name} ${id}`
}

function secret(at: Planting, one: FakeRepository, name: string): string {
  one.secrets.push({ name, ...dates(at) })
  at.ids.push(`secret acme/${one.name} ${name}`)
  return `secret acme/${one.name} ${name}`
}

function workflow(at: Planting, one: FakeRepository, file: string, text: string): string {
  const path = `.github/workflows/${file}`
  one.files?.set(path, text)
  const login = at.random() < 0.3 ? leaver(at) : person(at)
  one.changes?.set(path, { login, at: ago(at, 700), message: `rotate ${newSecret(at)}` })
  const id = `ci acme/${one.name}/${path}/deploy`
  at.ids.push(id)
  return id
}

/** The same kinds in turn; each is one that a person must be able to find by its id. */
function plantFact(at: Planting, i: number): void {
  const { facts, github } = at
  const unused = github.repositories.filter(each => !each.files?.has('.github/workflows/ship.yml'))
  const one = pick(at, unused)
  const ship = (lines: string) => workflow(at, one, 'ship.yml', shipWorkflow(lines))
  const kinds: readonly (readonly [string, () => string])[] = [
    [
      'a key that may write, of somebody who left',
      () => key(at, one, { added_by: leaver(at), read_only: false }),
    ],
    ['AWS keys', () => ship(aws)],
    ['a Google key', () => ship(google)],
    ['an Azure secret', () => ship(azure)],
    ['an npm token', () => ship(npm)],
    ['a secret nothing names', () => secret(at, one, `FORGOTTEN_${i}`)],
    ['an App that may write everywhere', () => plantApp(at, `everywhere-${i}`, 'all')],
    ['a variable named like a key', () => variable(at, one, `OLD_PASSWORD_${i}`)],
    ['a key unused for over a year', () => key(at, one, { last_used: seconds(ago(at, 900, 400)) })],
    ['a job that is handed everything', () => ship(everything)],
  ]
  const [what, plant] = kinds[i % kinds.length] as (typeof kinds)[number]
  facts.push({ what, id: plant() })
}

function variable(at: Planting, one: FakeRepository, name: string): string {
  one.variables.push({ name, value: newSecret(at), ...dates(at) })
  at.ids.push(`variable acme/${one.name} ${name}`)
  return `variable acme/${one.name} ${name}`
}

function plantOrdinary(at: Planting): void {
  const one = pick(at, at.github.repositories)
  const kind = at.random()
  if (kind < 0.14) key(at, one)
  else if (kind < 0.24) one.hooks.push(hook(at, `acme/${one.name}`))
  else if (kind < 0.27) one.runners.push(runner(at, `acme/${one.name}`))
  else if (kind < 0.5) plantEnvironment(at, one)
  else secret(at, one, `KEY_${number(at)}`)
}

function plantEnvironment(at: Planting, one: FakeRepository): void {
  const known = one.environments.find(({ name }) => name === 'prod/eu')
  const environment = known ?? { name: 'prod/eu', secrets: [], variables: [] }
  if (known === undefined) one.environments.push(environment)
  const name = `DB_${number(at)}`
  environment.secrets.push({ name, ...dates(at) })
  at.ids.push(`secret acme/${one.name} prod/eu ${name}`)
}

const ordinaryWorkflow = (literal: string) => `on: push
jobs:
  test:
    runs-on: ubuntu-latest
    env: { TOKEN: ${literal} }
    steps:
      - uses: actions/checkout@v5
      - run: npm test
        env: { GH: '\${{ secrets.GITHUB_TOKEN }}' }
`
const shipWorkflow = (lines: string) => `name: ship
on: { push: { branches: [main] } }
jobs:
  test:
    runs-on: ubuntu-latest
    steps: [{ run: npm test }]
  deploy:
    needs: test
${lines}`
const steps = `    runs-on: ubuntu-latest
    steps:
`
const aws = `${steps}      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: \${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: \${{ secrets.AWS_SECRET_ACCESS_KEY }}
          aws-region: eu-west-1
`
const google = `${steps}      - uses: google-github-actions/auth@v2
        with: { credentials_json: '\${{ secrets.GCP_KEY }}' }
`
const azure = `${steps}      - uses: azure/login@v2
        with: { creds: '\${{ secrets.AZURE_CREDENTIALS }}' }
`
const npm = `${steps}      - run: npm publish
        env: { NODE_AUTH_TOKEN: '\${{ secrets.NPM_TOKEN }}' }
`
const everything = `    uses: acme/shared/.github/workflows/deploy.yml@main
    secrets: inherit
`
