/**
 * GitHub, with the token a person has: the connector's inventory, and beside it what no inventory has,
 * the workflows of each repository: which jobs keep a key, and who answers for the file.
 */
import { lookAt } from '../../connectors/github/inventory.ts'
import { neverShown, openPerson, type Person } from '../../connectors/github/look.ts'
import { partOf, textOf } from '../../connectors/rest/lists.ts'
import { isObject, type Json, type JsonObject } from '../../src/core/base/json.ts'
import { isProblem, Problem } from '../../src/core/base/problem.ts'
import { parseInstant } from '../../src/core/base/time.ts'
import { again, readPages } from './inventory.ts'
import { type Going, openWay, type Reads } from './outgoing.ts'
import type { Sink, Source } from './source.ts'
import { shown, type Thing } from './thing.ts'
import { type Job, readWorkflow, bounds as workflowBounds } from './workflows.ts'

/** GitHub takes 900 a minute at most, whatever is left of the hour. */
const bounds = { gapMs: 70, perPage: 100, files: 60, owners: 10, missesInARow: 3 }
/** In place of an answer that did not come. */
const missed = { status: 503, body: null, next: () => null } as const

export interface GithubAt {
  readonly organisation: string
  readonly token: string
  readonly url: string
}

export function openGithub(at: GithubAt, going: Going): Source {
  const name = `github:${at.organisation}`
  const way = { system: name, reads: githubReads, gapMs: bounds.gapMs }
  const person = openPerson(at, openWay(way, going))
  return {
    name,
    async read(sink, signal) {
      const reading = { name, web: webOf(at.url), sink, signal }
      await whoIsThere(person, reading)
      for (const each of neverShown) sink.unseen(each)
      const patient = bePatient(person, going, reading)
      const page = (cursor: string | null) => lookAt(patient.looker, cursor, signal)
      const looked = readPages(name, page, { going, sink, signal })
      const read = readRepositories(patient, reading)
      const [first, second] = await Promise.allSettled([looked, read])
      for (const each of [first, second]) if (each.status === 'rejected') throw each.reason
      if (patient.misses() > 0) throw unanswered(patient.misses())
    },
  }
}

/** One list that never comes is no reason to lose all others; several in a row are. */
function bePatient(person: Person, going: Going, { sink, signal }: Reading) {
  let [misses, inARow] = [0, 0]
  const read: Person['read'] = async (...asked) => {
    try {
      const answer = await again(() => person.read(...asked), going, signal)
      inARow = 0
      return answer
    } catch (thrown) {
      inARow += 1
      const isOver = signal.aborted || inARow > bounds.missesInARow
      if (!isProblem(thrown, 'target-unavailable') || isOver) throw thrown
      misses += 1
      sink.unseen({ what: 'lists that GitHub did not answer', needs: 'another run' })
      return missed
    }
  }
  const looker = {
    ...person.looker,
    read: (path: string, within: AbortSignal) => read(path, within),
  }
  return { looker, read, misses: () => misses }
}

function unanswered(misses: number): Problem {
  const detail = `GitHub did not answer ${misses} of its lists; the others were read.`
  return new Problem('target-unavailable', { detail, next: 'Run it again.' })
}

/** A server of one's own has its API in a folder; github.com at another name. */
function webOf(api: string): string {
  const { origin } = new URL(api)
  return origin === 'https://api.github.com' ? 'https://github.com' : origin
}

/** INVARIANT: nothing but GET leaves for GitHub. */
export const githubReads: Reads = (method, { pathname }) => {
  if (method !== 'GET') return undefined
  const shape = pathname
    .replace(/\/repos\/[^/]+\/[^/]+/, '/repos/{repository}')
    .replace(/\/orgs\/[^/]+/, '/orgs/{organisation}')
    .replace(/\/environments\/[^/]+/, '/environments/{environment}')
    .replace(/\/contents\/.*/, '/contents/{path}')
  return `GET ${shape}`
}

interface Reading {
  readonly name: string
  /** Where people see what the API tells. */
  readonly web: string
  readonly sink: Sink
  readonly signal: AbortSignal
}

/** Only a member is shown all members, and only then does a missing one mean that somebody left. */
async function whoIsThere(person: Person, { name, sink, signal }: Reading): Promise<void> {
  const org = encodeURIComponent(person.looker.organisation)
  const own = await person.read(`/user/memberships/orgs/${org}`, signal, [403, 404])
  if (isObject(own.body) && own.body['state'] === 'active') sink.facts.people.set(name, new Set())
  else
    sink.unseen({
      what: 'members who hide that they are, and so whether a creator has left',
      needs: 'a member of the organisation, with `read:org`',
    })
}

async function readRepositories(person: Person, reading: Reading): Promise<void> {
  const org = encodeURIComponent(person.looker.organisation)
  for (let at: string | null = `/orgs/${org}/repos?per_page=${bounds.perPage}`; at !== null; ) {
    const page = await person.read(at, reading.signal)
    reading.sink.page()
    for (const row of rows(page.body)) await readRepository(person, row, reading)
    at = page.next()
  }
}

/** One that is archived runs nothing; an empty one has nothing. */
async function readRepository(person: Person, row: JsonObject, reading: Reading): Promise<void> {
  const repository = textOf(row['full_name'])
  if (row['archived'] === true || row['disabled'] === true || row['size'] === 0) return
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) return
  const { sink, signal } = reading
  const open = openContents(person, repository, reading)
  const about = await open.list('.github')
  if (about === undefined) return
  sink.facts.repositoriesRead += 1
  const names = about.map(each => textOf(each['name']))
  const ownersAt = names.includes('CODEOWNERS') ? '.github/CODEOWNERS' : 'CODEOWNERS'
  const owners = parseOwners(await open.text(ownersAt))
  const files = names.includes('workflows') ? await open.list('.github/workflows') : []
  const known = { ...owners, reads: new Set<string>() as Set<string> | undefined }
  const workflows = (files ?? []).filter(each => /\.ya?ml$/.test(textOf(each['name'])))
  if (workflows.length > bounds.files || files === undefined) known.reads = undefined
  for (const file of workflows.slice(0, bounds.files)) {
    const path = `.github/workflows/${textOf(file['name'])}`
    const text = Number(file['size']) > workflowBounds.chars ? undefined : await open.text(path)
    const jobs = text === undefined ? undefined : readWorkflow(text)
    if (jobs === undefined) {
      known.reads = undefined
      sink.unseen({ what: 'workflows that could not be read', needs: 'a file that is valid YAML' })
      continue
    }
    sink.facts.federated += jobs.filter(job => job.isFederated && job.secrets.length === 0).length
    const keeping = jobs.filter(job => job.secrets.length > 0 || job.isAll)
    if (keeping.some(job => job.isAll)) known.reads = undefined
    for (const secret of keeping.flatMap(job => job.secrets)) known.reads?.add(secret.toUpperCase())
    if (keeping.length === 0) continue
    const changedBy = await lastChange(person, { repository, path, signal, sink })
    for (const job of keeping)
      sink.thing(jobThing({ ...reading, repository, path, changedBy }, job))
  }
  sink.facts.repositories.set(repository, known)
}

/** Files and folders of a repository; undefined where GitHub does not show them. */
function openContents(person: Person, repository: string, { sink, signal }: Reading) {
  const read = async (path: string): Promise<Json | undefined> => {
    const at = path.split('/').map(encodeURIComponent).join('/')
    try {
      const answer = await person.read(`/repos/${repository}/contents/${at}`, signal, [404])
      sink.page()
      if (answer === missed) return undefined
      return answer.status === 404 ? null : answer.body
    } catch (thrown) {
      if (!isProblem(thrown, 'target-refused')) throw thrown
      const needs = '`repo` of a classic token, or `contents: read` of a fine-grained one'
      sink.unseen({ what: 'workflows of repositories', needs })
      return undefined
    }
  }
  return {
    list: async (path: string) => {
      const body = await read(path)
      return body === undefined ? undefined : rows(body)
    },
    text: async (path: string) => {
      const body = (await read(path)) ?? null
      const content = isObject(body) && body['encoding'] === 'base64' ? body['content'] : undefined
      if (typeof content !== 'string') return undefined
      return Buffer.from(content, 'base64').toString('utf8')
    },
  }
}

async function lastChange(
  person: Person,
  at: Pick<Reading, 'sink' | 'signal'> & { repository: string; path: string },
) {
  const query = `path=${encodeURIComponent(at.path)}&per_page=1`
  const path = `/repos/${at.repository}/commits?${query}`
  const answer = await person.read(path, at.signal, [403, 404, 409])
  at.sink.page()
  const [commit] = rows(answer.body)
  if (commit === undefined) return undefined
  const author = partOf(partOf(commit, 'commit'), 'author')
  const who = textOf(partOf(commit, 'author')['login']) || textOf(author['name'])
  return who === '' ? undefined : { who: shown(who), at: parseInstant(textOf(author['date'])) }
}

interface JobAt extends Reading {
  readonly repository: string
  readonly path: string
  readonly changedBy: Awaited<ReturnType<typeof lastChange>>
}

/** The job itself is who signs in: an identity nobody gave a name. */
function jobThing({ name, web, repository, path, changedBy }: JobAt, job: Job): Thing {
  const file = path.replace('.github/workflows/', '')
  const kept = job.secrets.slice(0, 6).join(', ')
  const more = job.secrets.length > 6 ? ` and ${job.secrets.length - 6} more` : ''
  return {
    system: name,
    kind: 'CI job with stored keys',
    id: shown(`ci ${repository}/${path}/${job.name}`, 400),
    name: shown(`${file.replace(/\.ya?ml$/, '')}/${job.name}`),
    where: shown(repository),
    madeAt: null,
    lastUsedAt: null,
    isUseTold: false,
    endsAt: null,
    neverEnds: true,
    creator: null,
    creatorDid: '',
    creatorWeight: 0,
    group: 'access',
    ours: false,
    notes: [
      ...(kept === '' ? [] : [shown(`keeps ${kept}${more}`)]),
      ...(job.isAll ? ['is handed every secret'] : []),
    ],
    recipe: job.recipe || 'other',
    path: shown(path),
    url: `${web}/${repository}/blob/HEAD/${path.split('/').map(encodeURIComponent).join('/')}`,
    line: job.line,
    ...(changedBy && { changedBy }),
  }
}

/** The last pattern that fits is the one that counts. Of patterns only those for all, and for workflows. */
export function parseOwners(text = '') {
  let [owners, workflowOwners]: string[][] = [[], []]
  for (const line of text.slice(0, 100_000).split('\n')) {
    const [pattern = '', ...who] = line.replace(/#.*/, '').trim().split(/\s+/)
    const named = who.slice(0, bounds.owners).map(each => shown(each.replace(/^@/, '')))
    if (pattern === '*' || pattern === '/' || pattern === '**')
      [owners, workflowOwners] = [named, named]
    if (/^\/?\.github\/(\*{0,2}|workflows\/.*)$/.test(pattern)) workflowOwners = named
  }
  return { owners: owners ?? [], workflowOwners: workflowOwners ?? [] }
}

function rows(body: Json): JsonObject[] {
  return Array.isArray(body) ? body.filter(isObject) : []
}
