/** The page shows what is run: each block of it is made by the code. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { parseConfig } from './config.ts'
import { recipeSql, tableSql } from './recipe.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/connectors/mysql.md'), 'utf8')
const block = (kind: string) =>
  new RegExp(`\`\`\`\\w+ ${kind}\n([\\s\\S]*?)\n\`\`\``).exec(page)?.[1]

it('the recipe of the page is the one the tests run', () => {
  expect(block('recipe')).toBe(recipeSql({ user: 'leasehold', probe: 'leasehold_probe' }))
  expect(block('table')).toBe(tableSql('leasehold', { database: 'crm', table: 'deals' }))
})

it('the configuration of the page is one that is taken', () => {
  const written = JSON.parse(block('config') ?? '') as Json
  expect(parseConfig(written)).toEqual(written)
})
