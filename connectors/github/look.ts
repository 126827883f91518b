/**
 * Looking with a token that a person already has. It reads what GitHub shows that person; there is no
 * App behind it, so nothing here can issue, renew or end anything.
 */
import type { JsonObject } from '../../src/core/base/json.ts'
import { type Fetch, restClient } from '../rest/client.ts'
import { partOf } from '../rest/lists.ts'
import { type List, type Lists, type Looker, lists } from './inventory.ts'
import { headersOf } from './token.ts'

export interface PersonAt {
  readonly url: string
  readonly organisation: string
  /** Of a person: classic, fine-grained, or what `gh` signed in with. */
  readonly token: string
}

const people: Lists = {
  members: {
    path: '/orgs/{0}/members',
    what: 'members of the organisation',
    needs: 'members',
    kind: 'account',
    role: 'member',
    name: 'login',
  },
  outsiders: {
    path: '/orgs/{0}/outside_collaborators',
    what: 'outside collaborators',
    needs: 'members',
    kind: 'account',
    role: 'outside collaborator',
    name: 'login',
  },
}
/** Only an App is shown tokens of others, and has an installation. */
const personsLists: Lists = Object.fromEntries(
  Object.entries({ ...people, ...lists })
    .filter(([name]) => name !== 'tokens')
    .map(([name, list]) => [name, { ...list, ...asPerson(list) }]),
)

function asPerson({ path, needs, plan }: List): Partial<List> {
  const fine = `\`${needs}: read\` of a fine-grained token`
  if (path.startsWith('/repos/')) return { plan: `\`repo\` of a classic token, or ${fine}` }
  if (path.startsWith('/installation/'))
    return { path: '/orgs/{0}/repos', what: 'repositories of the organisation' }
  return {
    plan: plan ?? `an owner of the organisation: \`admin:org\` of a classic token, or ${fine}`,
  }
}

/** What a person must be in a repository to be shown a list of it. */
const roles: Readonly<Record<string, string>> = {
  administration: 'admin',
  repository_hooks: 'admin',
  secrets: 'push',
  actions_variables: 'push',
}

export type Person = ReturnType<typeof openPerson>

export function openPerson({ url, organisation, token }: PersonAt, via?: Fetch) {
  const ask = restClient('GitHub', new URL(url), via)
  const headers = headersOf(token)
  /** `takes`: answers that are no trouble, as 404 is of what may be missing. */
  const read = (path: string, signal: AbortSignal, takes: readonly number[] = []) =>
    ask({ method: 'GET', path, headers, takes }, signal)
  const looker: Looker = { organisation, lists: personsLists, read, lacks }
  return { looker, read }
}

/** Whatever a person may see. */
export const neverShown = [
  {
    what: 'fine-grained tokens of members',
    needs: 'a GitHub App with `Organization personal access tokens: read`',
  },
  {
    what: 'classic tokens of members, where no single sign-on lists them',
    needs: 'what GitHub shows to nobody',
  },
  {
    what: 'when an Actions secret, a webhook or an App was used last, and who made it',
    needs: 'the audit log (GitHub Enterprise), or whoever knows',
  },
  {
    what: 'Dependabot and Codespaces secrets, packages, and OAuth apps that members let in',
    needs: 'somebody who looks: this is not asked for yet',
  },
] as const

/** GitHub says with each repository what who asks is in it. */
function lacks({ needs }: List, row?: JsonObject): string | undefined {
  const role = roles[needs]
  const has = row && partOf(row, 'permissions')
  if (role === undefined || has === undefined || Object.keys(has).length === 0) return undefined
  const word = role === 'push' ? 'write' : role
  return has[role] === true ? undefined : `the role \`${word}\` in each of these repositories`
}
