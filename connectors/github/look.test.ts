/** A person's look: what GitHub shows that person, and nothing that could make or end anything. */
import { beforeEach, expect, test } from 'vitest'
import type { InventoryPage } from '../../src/core/target/target.ts'
import { type FakePerson, newPerson } from '../../test/fakes/github/state.ts'
import { type FakeGithub, startFakeGithub } from '../../test/fakes/github.ts'
import { handClock } from '../../test/support/clock.ts'
import { lookAt } from './inventory.ts'
import { openPerson } from './look.ts'

const token = 'of-a-person'
let github: FakeGithub
const soon = () => AbortSignal.timeout(10_000)

beforeEach(async () => {
  github = await startFakeGithub(handClock())
  github.members = [{ login: 'maya', id: 1 }]
  github.outsiders = [{ login: 'guest', id: 2 }]
  for (const each of github.repositories)
    each.keys = [{ id: each.id, title: 'deploy', added_by: 'maya', read_only: true }]
  return async () => {
    expect(github.breaches).toEqual([])
    expect(github.seen.filter(({ asked }) => !asked.startsWith('GET '))).toEqual([])
    await github.close()
  }
})

async function lookAs(is: Partial<FakePerson>) {
  github.people.set(token, newPerson('maya', is))
  const { looker } = openPerson({ url: github.url, organisation: 'acme', token })
  const pages: InventoryPage[] = []
  for (let at: string | null = null; pages.length < 200; ) {
    const page: InventoryPage = await lookAt(looker, at, soon())
    pages.push(page)
    if (page.next === null) break
    at = page.next
  }
  return {
    ids: pages.flatMap(({ found }) => found.map(({ id }) => id)),
    found: pages.flatMap(({ found }) => found),
    unseen: pages.flatMap(({ unseen = [] }) => unseen),
  }
}

test('an owner sees people by what they are there, and the keys of every repository', async () => {
  const { ids, found } = await lookAs({})
  expect(ids).toContain('key acme/deal-desk 1001')
  expect(ids).toContain('key acme/site 1003')
  const roles = found.filter(({ kind }) => kind === 'account').map(({ details }) => details['role'])
  expect(roles).toEqual(['member', 'outside collaborator'])
})

test('a member sees the keys of what they administer; of the rest the role that would show them', async () => {
  const role: FakePerson['role'] = ({ name }) => (name === 'site' ? 'admin' : 'push')
  const { ids, unseen } = await lookAs({ isOwner: false, role })
  expect(ids.filter(id => id.startsWith('key '))).toEqual(['key acme/site 1003'])
  const keys = unseen.filter(({ what }) => what === 'deploy keys')
  expect(keys).toHaveLength(2)
  expect(keys[0]?.needs).toContain('`admin`')
  expect(unseen.find(({ what }) => what === 'outside collaborators')?.needs).toContain('an owner')
})

test('with a token that GitHub does not take, nothing is found and nothing is said to be absent', async () => {
  github.people.clear()
  const { looker } = openPerson({ url: github.url, organisation: 'acme', token })
  const { found, unseen } = await lookAt(looker, null, soon())
  expect(found).toEqual([])
  expect(unseen?.map(({ what }) => what)).toEqual(['members of the organisation'])
})

test('there is no way to issue, renew or end with it', () => {
  const person = openPerson({ url: github.url, organisation: 'acme', token })
  expect(Object.keys(person).toSorted()).toEqual(['looker', 'read'])
})
