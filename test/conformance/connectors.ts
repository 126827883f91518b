/**
 * Every connector through the conformance kit, as a table: connector by case, each cell `passed`,
 * `not applicable` with its reason, or FAILED with what was found. Names after the
 * suite choose connectors: `npm run -s conformance -- connectors github`.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { mariadb } from '../fakes/mariadb.ts'
import { redis } from '../fakes/redis.ts'
import { snowflakeDescription } from '../fakes/snowflake.ts'
import { awsFixture } from '../support/kit/aws.ts'
import { azureFixture } from '../support/kit/azure.ts'
import { cases } from '../support/kit/cases.ts'
import { declaredFixture } from '../support/kit/declared.ts'
import { gcpFixture } from '../support/kit/gcp.ts'
import { githubFixture } from '../support/kit/github.ts'
import { type KitFixture, reasonNot } from '../support/kit/kit.ts'
import { mysqlFixture } from '../support/kit/mysql.ts'
import { notionFixture } from '../support/kit/notion.ts'
import { postgresFixture } from '../support/kit/postgres.ts'
import { redisFixture } from '../support/kit/redis.ts'
import { slackFixture } from '../support/kit/slack.ts'
import { snowflakeFixture } from '../support/kit/snowflake.ts'
import { installIn } from './install.ts'

const fixtures: Readonly<Record<string, () => Promise<KitFixture>>> = {
  postgres: postgresFixture,
  mysql: mysqlFixture,
  redis: redisFixture,
  github: githubFixture,
  slack: slackFixture,
  notion: notionFixture,
  snowflake: snowflakeFixture,
  gcp: gcpFixture,
  azure: azureFixture,
  aws: awsFixture,
  declared: declaredFixture,
}
/** Real servers that npm does not have; where they are missing is said, and fails where it may not be. */
const servers: Readonly<Record<string, { readonly isHere: boolean; readonly name: string }>> = {
  mysql: mariadb,
  redis,
}

/** GitHub's own description of its API, by which its fake is judged. */
const described = join(import.meta.dirname, 'github')

/** Long enough for any case on a machine that does other things as well. */
const caseMs = 60_000

interface Cell {
  readonly says: 'passed' | 'not applicable' | 'FAILED'
  readonly why?: string
}

export async function runConnectors(args: string[], say: (text: string) => void) {
  const names = args.length > 0 ? args : Object.keys(fixtures)
  const columns: Cell[][] = []
  for (const name of names) {
    say(`${name} …`)
    if (name === 'github') await installIn(described, 'node_modules/@octokit/openapi')
    // It is not ours to hand on: docs/connectors/snowflake.md says where to get it.
    if (name === 'snowflake' && !existsSync(snowflakeDescription))
      say('snowflake: not held to its description, LEASEHOLD_VENDOR_API names no folder of it')
    columns.push(await runOne(name))
  }
  printTable(names, columns)
  const cells = columns.flat()
  const passed = cells.filter(({ says }) => says === 'passed').length
  return { passed, failed: cells.filter(({ says }) => says === 'FAILED').length }
}

/** A cell for each case, and a last one for what only shows when everything is over. */
async function runOne(name: string): Promise<Cell[]> {
  const make = Object.hasOwn(fixtures, name) ? fixtures[name] : undefined
  if (make === undefined)
    throw new Error(`no connector \`${name}\`; known: ${Object.keys(fixtures).join(', ')}`)
  const server = servers[name]
  if (server?.isHere === false) {
    const says = process.env['LEASEHOLD_NEEDS_SERVERS'] === '1' ? 'FAILED' : 'not applicable'
    return [...cases, null].map(() => ({ says, why: server.name }))
  }
  const kit = await make()
  const cells: Cell[] = []
  for (const one of cases) {
    const cell = await settle(async () => {
      const why = reasonNot(kit, one)
      if (why !== undefined) return { says: 'not applicable', why }
      await one.run(kit)
      return { says: 'passed' }
    })
    cells.push(cell)
  }
  const closing = async (): Promise<Cell> => {
    await kit.close()
    return { says: 'passed' }
  }
  return [...cells, await settle(closing)]
}

async function settle(run: () => Promise<Cell>): Promise<Cell> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(new Error('it took too long')), caseMs)
  try {
    return await Promise.race([run(), promise])
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    return { says: 'FAILED', why: why.replaceAll(/\s+/g, ' ').slice(0, 300) }
  } finally {
    clearTimeout(late)
  }
}

/** Reasons stand once, below, by their numbers. */
function printTable(names: readonly string[], columns: readonly Cell[][]): void {
  const rows = [...cases.map(one => one.name), 'nothing else was amiss']
  const width = Math.max(...rows.map(row => row.length)) + 2
  const reasons = [...new Set(columns.flat().flatMap(({ why }) => why ?? []))]
  const wordsOf = ({ says, why }: Cell) =>
    why === undefined ? says : `${says}: ${reasons.indexOf(why) + 1}`
  const line = (first: string, cells: readonly string[]) =>
    console.log(`${first.padEnd(width)}${cells.map(cell => cell.padEnd(20)).join('')}`.trimEnd())
  line('', names)
  for (const [i, row] of rows.entries())
    line(
      row,
      columns.map(column => wordsOf(column[i] ?? { says: 'FAILED' })),
    )
  console.log('')
  for (const [i, reason] of reasons.entries())
    console.log(`${String(i + 1).padStart(3)}  ${reason}`)
  console.log('')
}
