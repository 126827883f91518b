/** The page shows what is run: its blocks are made by the code. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Json } from '../../src/core/base/json.ts'
import { parseConfig, parseKeys } from './config.ts'
import { recipeText } from './recipe.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/connectors/redis.md'), 'utf8')
const block = (kind: string) =>
  new RegExp(`\`\`\`\\w+ ${kind}\n([\\s\\S]*?)\n\`\`\``).exec(page)?.[1] ?? ''

it('the recipe of the page is the one the tests run', () => {
  const names = { user: 'leasehold', probe: 'leasehold_probe', password: '#…' }
  expect(block('recipe')).toBe(recipeText(names))
})

it('the configuration and the resource of the page are taken', () => {
  const written = JSON.parse(block('config')) as Json
  expect(parseConfig(written)).toEqual(written)
  const object = JSON.parse(block('resource')) as Json
  expect(parseKeys(object)).toEqual(object)
})
