/**
 * What the pretend GitHub shows a person with a token of their own: what it shows an App and more, by
 * their role, and no tokens of others. It counts each request against the hour and the minute.
 */
import { type Instant, toMs } from '../../../src/core/base/time.ts'
import { type Answer, type Asking, no, paged, routes } from './routes.ts'
import type { FakePerson, FakeRepository, Row, State } from './state.ts'

export const limits = { perHour: 5_000, perMinute: 900 }

/** The answer with the headers of the limit; a no where it is spent. */
export function answerPerson(person: FakePerson, asking: Asking): Answer {
  const nowMs = toMs(asking.state.clock.now())
  if (nowMs >= person.resetAtMs) Object.assign(person, { used: 0, resetAtMs: nowMs + 3_600_000 })
  const minute = Math.floor(nowMs / 60_000)
  if (person.minute.at !== minute) Object.assign(person.minute, { at: minute, used: 0 })
  person.minute.used += 1
  if (person.minute.used > limits.perMinute)
    return {
      ...no(403, 'You have exceeded a secondary rate limit'),
      headers: { 'retry-after': '60' },
    }
  person.used += 1
  const left = Math.max(0, limits.perHour - person.used)
  const headers = {
    'x-ratelimit-limit': String(limits.perHour),
    'x-ratelimit-remaining': String(left),
    'x-ratelimit-reset': String(Math.ceil(person.resetAtMs / 1000)),
  }
  const isSpent = person.used > limits.perHour
  const answer = isSpent ? no(403, 'API rate limit exceeded') : shownTo(person, asking)
  return { ...answer, headers: { ...headers, ...answer.headers } }
}

function shownTo(person: FakePerson, asking: Asking): Answer {
  const { state, method, url } = asking
  const [, first, owner = '', name, list, ...rest] = url.pathname.split('/').map(decodeURIComponent)
  const isOurs = owner.toLowerCase() === state.organisation
  if (method === 'GET' && url.pathname.startsWith('/user/memberships/orgs/')) {
    const role = person.isOwner ? 'admin' : 'member'
    return person.isMember ? ok({ state: 'active', role, url: url.href }) : no(404, 'Not Found')
  }
  if (!isOurs) return no(404, 'Not Found')
  if (first === 'orgs' && method === 'GET') return ofOrganisation(person, asking, name)
  const repository = state.repositories.find(each => each.name === name)
  if (first !== 'repos' || repository === undefined) return no(404, 'Not Found')
  const path = [...rest].join('/')
  if (method === 'GET' && list === 'contents') return contents(state, repository, path)
  if (method === 'GET' && list === 'commits') return commits(asking, repository)
  const role = person.role(repository)
  const needsAdmin = list === 'keys' || list === 'hooks' || path === 'runners'
  const needsPush = path.endsWith('secrets') || path.endsWith('variables')
  if ((needsAdmin && role !== 'admin') || (needsPush && role === 'pull'))
    return no(403, 'Must have admin rights to Repository.')
  return elsewhere(asking)
}

function ofOrganisation(person: FakePerson, asking: Asking, list = ''): Answer {
  const { state } = asking
  if (list === 'repos') {
    const about = (each: FakeRepository) => aboutFor(state, each, person.role(each))
    return paged(asking, state.repositories.map(about))
  }
  if (list === 'members') return paged(asking, person.isMember ? state.members : [])
  if (!person.isOwner) return no(403, 'You must be an organization owner.')
  if (list === 'outside_collaborators') return paged(asking, state.outsiders)
  // Only an App is shown them.
  if (list === 'personal-access-tokens') return no(403, 'Resource not accessible by personal token')
  return elsewhere(asking)
}

function aboutFor({ organisation }: State, one: FakeRepository, role: string): Row {
  const permissions = { admin: role === 'admin', push: role !== 'pull', pull: true }
  const owner = { login: organisation, type: 'Organization' }
  const { id, name, archived = false, secretNote } = one
  const size = one.files?.size ? 10 : 0
  const about = { id, name, full_name: `${organisation}/${name}`, owner, private: true, archived }
  return { ...about, size, permissions, ...(secretNote && { description: secretNote }) }
}

/** A folder or a file, as the contents API has them. */
function contents({ organisation }: State, one: FakeRepository, path: string): Answer {
  const files = one.files ?? new Map<string, string>()
  const text = files.get(path)
  const url = `https://api.github.test/repos/${organisation}/${one.name}/contents/${path}`
  const about = (name: string, type: 'file' | 'dir', size: number): Row => ({
    type,
    name,
    size,
    path: `${path}/${name}`,
    sha: 'a'.repeat(40),
    url,
    git_url: url,
    html_url: url,
    download_url: url,
    _links: { self: url, git: url, html: url },
  })
  if (text !== undefined) {
    const content = Buffer.from(text).toString('base64')
    const name = path.split('/').at(-1) ?? ''
    return ok({ ...about(name, 'file', text.length), path, encoding: 'base64', content })
  }
  const below = [...files].filter(([each]) => each.startsWith(`${path}/`))
  if (below.length === 0) return no(404, 'Not Found')
  const names = new Map(
    below.map(([each, has]) => {
      const [name = '', ...more] = each.slice(path.length + 1).split('/')
      return [name, about(name, more.length > 0 ? 'dir' : 'file', more.length > 0 ? 0 : has.length)]
    }),
  )
  return ok([...names.values()])
}

function commits(asking: Asking, { changes }: FakeRepository): Answer {
  const change = changes?.get(asking.url.searchParams.get('path') ?? '')
  if (change === undefined) return paged(asking, [])
  const { login, at } = change
  const author = { name: login, email: `${login}@acme.example`, date: seconds(at) }
  const commit = { author, committer: author, message: change.message ?? 'change' }
  return paged(asking, [{ sha: 'b'.repeat(40), commit, author: { login } }])
}

function elsewhere(asking: Asking): Answer {
  const { method, url } = asking
  const found = routes.find(each => each.method === method && each.path.test(url.pathname))
  if (found === undefined || found.by === 'app') return no(404, 'Not Found')
  return found.answer(asking, found.path.exec(url.pathname)?.slice(1) ?? [])
}

const ok = (facts: unknown): Answer => ({ status: 200, facts })
const seconds = (at: Instant) => at.replace(/\.\d+Z$/, 'Z')
