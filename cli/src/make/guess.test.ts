// Which data a sentence speaks of: named ones, never what a prototype can not have, and nothing at all rather than anything.
import { expect, test } from 'vitest'
import type { ResourceView } from '../../../src/doors/api/contract.ts'
import { guessResource, guessTemplate } from './guess.ts'
import { kindsOfTemplate } from './template.ts'

const resource = (slug: string, more: Partial<ResourceView> = {}): ResourceView => ({
  id: `rs_${slug}`,
  slug,
  target: 'crm',
  dataOwner: 'Tom',
  dataClass: 'internal',
  columns: [],
  isSandbox: false,
  sandboxTwin: null,
  ...more,
})
const column = (name: string) => ({ name, class: 'internal' as const, hidden: false })
const all = [
  resource('crm.contacts', { dataClass: 'customer' }),
  resource('crm.deals', { columns: [column('stage')] }),
  resource('hr.salaries', { dataClass: 'hr', sandboxTwin: 'hr.sandbox-salaries' }),
  resource('hr.sandbox-salaries', { dataClass: 'hr', isSandbox: true }),
  resource('ops.secrets', { dataClass: 'secret' }),
  resource('old.deals'),
]
const guess = (purpose: string) => guessResource(purpose, all)?.slug

test.each([
  ['board of deals stuck > 14 days', 'crm.deals'],
  ['Show each DEAL by stage', 'crm.deals'],
  ['old deals', 'old.deals'],
  ['a list of crm contacts', 'crm.contacts'],
])('`%s` speaks of %s', (purpose, slug) => expect(guess(purpose)).toBe(slug))

test.each([['weather of tomorrow'], [''], ['stage'], ['<script>']])(
  '`%s` speaks of nothing that can be asked for',
  purpose => expect(guess(purpose)).toBeUndefined(),
)

test('what is for managed apps alone is guessed as its stand-in, or not at all', () => {
  expect(guess('compare salaries')).toBe('hr.sandbox-salaries')
  expect(guess('show our secrets')).toBeUndefined()
})

test.each([
  ['board of deals stuck > 14 days', 'web'],
  ['a weekly board of deals', 'web'],
  ['a Slack bot that answers who owns a deal', 'slack-bot'],
  ['agent that triages issues', 'agent'],
  ['explore the deals of this year', 'notebook'],
  ['nightly export of deals', 'job'],
  ['JSON api of deals', 'api'],
  ['salary robot', 'web'],
  ['constructor', 'web'],
  ['', 'web'],
])('`%s` asks for the template %s', (purpose, template) => {
  expect(guessTemplate(purpose, kindsOfTemplate())).toBe(template)
})
