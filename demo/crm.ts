/** The small sales database "crm" of the demo: real tables on a real server, made with a seed. */

import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { recipeSql, tableSql } from '../connectors/postgres/recipe.ts'
import type { RunningPostgres } from '../test/fakes/postgres.ts'

export const dealColumns = [
  'id',
  'account',
  'title',
  'stage',
  'amount',
  'currency',
  'owner_name',
  'opened_on',
  'stage_since',
  'close_on',
  'probability',
  'region',
  'contact_email',
  'contact_phone',
  'contact_name',
  'segment',
  'source',
  'product_line',
  'discount',
  'margin',
  'forecast',
  'next_step',
  'last_call_on',
  'last_mail_on',
  'competitor',
  'loss_reason',
  'partner',
  'contract_term',
  'renewal',
  'billing_country',
  'vat_id',
  'po_number',
  'legal_review',
  'security_review',
  'nda_signed',
  'priority',
  'health',
  'notes',
  'created_by',
  'updated_at',
] as const

/** What Tom agrees to: enough for a board of stuck deals, and no way to reach a customer. */
export const sharedColumns = dealColumns.slice(0, 12)
export const hiddenColumns = ['contact_email', 'contact_phone', 'contact_name', 'vat_id', 'notes']

export interface Crm {
  readonly host: string
  readonly port: number
  readonly database: 'crm'
  readonly user: string
  readonly password: string
  readonly probe: { readonly user: string; readonly password: string }
}

/** How many of its deals are stuck for more than 14 days: the answer the app looks for. */
export const stuckDeals = 118

export async function makeCrm(server: RunningPostgres): Promise<Crm> {
  const account = { user: 'leasehold_connector', password: randomBytes(24).toString('base64url') }
  const probe = { user: 'leasehold_probe', password: randomBytes(24).toString('base64url') }
  await withClient(server, 'postgres', async client => {
    await client.query('create database crm')
    await client.query('revoke all on database crm from public')
    await client.query(recipeSql({ user: account.user, probe: probe.user, databases: ['crm'] }))
    for (const each of [account, probe])
      await client.query(`alter role ${each.user} password ${pg.escapeLiteral(each.password)}`)
  })
  await withClient(server, 'crm', async client => {
    await client.query('revoke all on schema public from public')
    await client.query(tablesSql())
    for (const [table, actions] of [
      ['deals', ['read']],
      ['contacts', ['read', 'write']],
      ['sandbox_contacts', ['read', 'write']],
      ['invoices', ['read']],
    ] as const)
      await client.query(
        tableSql(account.user, { database: 'crm', schema: 'public', table }, actions),
      )
  })
  return { host: server.host, port: server.port, database: 'crm', ...account, probe }
}

function tablesSql(): string {
  const columns = dealColumns.slice(1).map(name => `${name} ${typeOf(name)}`)
  return `
    create table deals (id int primary key, ${columns.join(', ')});
    insert into deals (id, account, title, stage, amount, currency, owner_name, opened_on, stage_since, region, contact_email, contact_name)
      select n, 'Account ' || n, 'Deal ' || n, (array['lead', 'offer', 'contract'])[1 + n % 3],
        1000 + (n * 7919) % 90000, 'EUR', (array['Maya', 'Priya', 'Lee'])[1 + n % 3],
        current_date - 90, case when n <= ${stuckDeals} then current_date - 15 - n % 30 else current_date - n % 14 end,
        (array['north', 'south'])[1 + n % 2], 'buyer' || n || '@example.com', 'Buyer ' || n
      from generate_series(1, 400) n;
    create table contacts (id int primary key, name text, email text, phone text);
    insert into contacts select n, 'Buyer ' || n, 'buyer' || n || '@example.com', '+00 000 ' || n from generate_series(1, 200) n;
    create table sandbox_contacts (like contacts including all);
    insert into sandbox_contacts select n, 'Sample ' || n, 'sample' || n || '@example.com', '+00 000 ' || n from generate_series(1, 50) n;
    create table invoices (id int primary key, account text, amount numeric);
    insert into invoices select n, 'Account ' || n, n * 10 from generate_series(1, 30) n;`
}

function typeOf(column: string): string {
  if (['amount', 'discount', 'margin', 'forecast', 'probability'].includes(column)) return 'numeric'
  if (column.endsWith('_on') || column === 'stage_since') return 'date'
  return column === 'updated_at' ? 'timestamptz' : 'text'
}

export async function withClient<T>(
  server: RunningPostgres,
  database: string,
  run: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: server.url(database) })
  client.on('error', () => {})
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
