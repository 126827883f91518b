/** The judge is no judge unless it says no. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { complete, githubDescription, openContract } from './contract.ts'

// Installed by `npm run conformance -- connectors`; a clone does without.
const isThere = existsSync(githubDescription)
const contract = isThere ? openContract(githubDescription) : ({} as ReturnType<typeof openContract>)
const mint = { method: 'POST', path: '/app/installations/7/access_tokens' }

test.skipIf(!isThere)(
  'a request the vendor knows is no breach, and one it does not know is named',
  () => {
    expect(
      contract.judgeRequest(mint, { repository_ids: [1], permissions: { contents: 'read' } }),
    ).toEqual([])
    expect(contract.judgeRequest(mint, { repository_ids: ['1'] })).toEqual([
      'body.repository_ids[0] is no integer',
    ])
    expect(contract.judgeRequest(mint, { repositoryIds: [1] })).toEqual([
      'body.repositoryIds is described nowhere',
    ])
    expect(contract.judgeRequest(mint, { permissions: { contents: 'all' } })).toEqual([
      'body.permissions.contents is not one of its values',
    ])
    expect(
      contract.judgeRequest({ method: 'DELETE', path: '/app/tokens' }, undefined),
    ).toHaveLength(1)
    const list = (query: string) => ({ method: 'GET', path: `/installation/repositories${query}` })
    expect(contract.judgeRequest(list('?per_page=100'), undefined)).toEqual([])
    expect(contract.judgeRequest(list('?size=100'), undefined)).toHaveLength(1)
    expect(contract.judgeRequest(list('?per_page=many'), undefined)).toHaveLength(1)
  },
)

test.skipIf(!isThere)('an answer is whole, of the right types, and of a status it gives', () => {
  const schema = contract.answerOf(mint, 201) ?? {}
  const whole = complete(contract, schema, { token: 't', repositories: [{ id: 5 }] }) as object
  expect(contract.judgeAnswer(mint, 201, whole)).toEqual([])
  expect(whole).toMatchObject({ token: 't', repositories: [{ id: 5, owner: { login: 'x' } }] })
  expect(contract.judgeAnswer(mint, 201, { ...whole, token: 5 })).toHaveLength(1)
  expect(contract.judgeAnswer(mint, 201, { ...whole, secret: 'x' })).toHaveLength(1)
  expect(contract.judgeAnswer(mint, 201, { expires_at: 'soon' })).toHaveLength(1)
  expect(contract.judgeAnswer(mint, 200, whole)).toHaveLength(1)
  expect(contract.judgeAnswer(mint, 429, { message: 'slow down' })).toEqual([])
})
