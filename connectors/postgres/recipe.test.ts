/** The page people read holds exactly the text that the tests, the demo and the errors use. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseConfig } from './config.ts'
import { recipeSql, tableSql } from './recipe.ts'

const page = readFileSync(new URL('../../docs/connectors/postgres.md', import.meta.url), 'utf8')

function block(label: string): string {
  const found = page.split(`\`\`\`${label}\n`)[1]?.split('\n```')[0]
  if (found === undefined) throw new Error(`the page has no block ${label}`)
  return found
}

test('the documented recipe is the one that is run', () => {
  const names = { user: 'leasehold', probe: 'leasehold_probe', databases: ['crm', 'billing'] }
  expect(block('sql recipe')).toBe(recipeSql(names))
})

test('the documented grants of a table are the ones that are run', () => {
  const deals = { database: 'crm', schema: 'crm', table: 'deals' }
  expect(block('sql table')).toBe(tableSql('leasehold', deals, ['read', 'write', 'destroy']))
})

test('the documented configuration is taken', () => {
  const written = JSON.parse(block('json config')) as Parameters<typeof parseConfig>[0]
  expect(parseConfig(written)).toEqual(written)
})

test('a name that could say something else is quoted', () => {
  const odd = { user: 'a"; drop role b; --', probe: 'p', databases: ['d"'] }
  expect(recipeSql(odd)).toContain('create role "a""; drop role b; --" login')
  expect(recipeSql(odd)).toContain('on database "d""" to')
})
