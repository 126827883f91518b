/** What the platform connects on the first day, whose data it is, and what is there that nobody registered. */

import { tableSql } from '../../connectors/postgres/recipe.ts'
import type { TargetView } from '../../src/doors/api/contract.ts'
import { dealColumns, hiddenColumns, withClient } from '../crm.ts'
import { type Company, dataOwners } from './act.ts'
import { wanted } from './plan.ts'

export async function connectAll(company: Company): Promise<void> {
  const { parts, people } = company
  const sam = await people.as('sam')
  await makeLeaveTable(company)
  const { host, database, user, password, probe } = parts.crm
  const bearer = (key: string) => ({ header: 'authorization', value: `Bearer ${key}` })
  const targets = [
    ['crm', 'postgres', { host, port: parts.shifted.port, database, user, password, probe }],
    ['helpdesk', 'http', { url: parts.desk.url, credential: bearer(parts.desk.key) }],
    ['web-analytics', 'http', { url: parts.visits.url, credential: bearer(parts.visits.key) }],
    ['github', 'github', parts.github.config],
  ] as const
  await Promise.all(
    targets.map(async ([slug, connector, config]) => {
      const body = { slug, connector, config, production: false }
      const { preflightState } = await sam.post<TargetView>('/v1/targets', body)
      if (preflightState !== 'passed') throw new Error(`${slug}: the canary ${preflightState}`)
    }),
  )
  await nameData(company)
}

async function makeLeaveTable({ parts }: Company): Promise<void> {
  await withClient(parts.postgres, 'crm', async client => {
    await client.query(`create table leave (id int primary key, person text, days int);
      insert into leave select n, 'Person ' || n, n % 30 from generate_series(1, 84) n`)
    const table = { database: 'crm', schema: 'public', table: 'leave' }
    await client.query(tableSql(parts.crm.user, table, ['read']))
  })
}

async function nameData({ people }: Company): Promise<void> {
  const sam = await people.as('sam')
  const table = (name: string) => ({ database: 'crm', schema: 'public', table: name })
  const plain = (dataClass: string, names: string) =>
    names.split(' ').map(name => ({ name, class: dataClass, hidden: false }))
  const define = (slug: string, target: string, object: object, more: object) =>
    sam.post('/v1/resources', {
      slug,
      target,
      object,
      dataOwner: `${dataOwners[slug]}@acme.example`,
      ...more,
    })
  await define('crm.sandbox-contacts', 'crm', table('sandbox_contacts'), {
    dataClass: 'internal',
    isSandbox: true,
    columns: plain('internal', 'id name email phone'),
  })
  await Promise.all([
    define('crm.deals', 'crm', table('deals'), {
      dataClass: 'internal',
      columns: dealColumns.map(name => {
        const hidden = hiddenColumns.includes(name)
        return { name, class: hidden ? 'customer' : 'internal', hidden }
      }),
    }),
    define('crm.contacts', 'crm', table('contacts'), {
      dataClass: 'customer',
      sandboxTwin: 'crm.sandbox-contacts',
      columns: plain('customer', 'id name email phone'),
    }),
    define('billing.invoices', 'crm', table('invoices'), {
      dataClass: 'internal',
      columns: plain('internal', 'id account amount'),
    }),
    define('hr.leave', 'crm', table('leave'), {
      dataClass: 'hr',
      columns: plain('hr', 'id person days'),
    }),
    define('support.tickets', 'helpdesk', {}, { dataClass: 'internal', columns: [] }),
    define('web.visits', 'web-analytics', {}, { dataClass: 'internal', columns: [] }),
  ])
}

/**
 * Made by hand, long before anybody kept a list: accounts of the database, with the one it came with, and
 * deploy keys.
 */
export async function plantUnmanaged({ parts }: Company): Promise<void> {
  await withClient(parts.postgres, 'postgres', client =>
    client.query(roleNames.map(name => `create role ${name} login`).join(';')),
  )
  const { repositories, installation } = parts.github
  installation.permissions.administration = 'read'
  for (let i = 0; i < wanted.unmanaged - roleNames.length - 1; i++) {
    const title = i === 0 ? 'temp-bot' : `${keyNames[i % keyNames.length]}-${i}`
    const made = Date.parse(parts.clock.now()) - (40 + i * 23) * 86_400_000
    repositories[i % repositories.length]?.keys.push({
      id: 70 + i,
      title,
      created_at: new Date(made).toISOString(),
      added_by: i === 0 ? 'lee' : 'eli',
      read_only: i % 3 !== 0,
    })
  }
}

const roleNames =
  'legacy_report etl_2019 bi_reader nightly old_portal tableau metabase_ro import_tmp kpi_mail backup_job vendor_x test_admin sync_crm copy_eu'.split(
    ' ',
  )
const keyNames = ['deploy', 'mirror', 'build-box', 'old-ci', 'docs-push', 'laptop']
