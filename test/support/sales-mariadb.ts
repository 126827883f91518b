/**
 * A real MariaDB with a small sales database and the connector's accounts, made by the recipe that
 * the documentation shows; and the connector's configuration for it.
 */
import { randomBytes } from 'node:crypto'
import mysql from 'mysql2'
import { recipeSql, tableSql } from '../../connectors/mysql/recipe.ts'
import { addSeconds, systemClock } from '../../src/core/base/time.ts'
import type { IssueOrder } from '../../src/core/target/target.ts'
import type { Certificate } from '../fakes/certificates.ts'
import { type RunningMariadb, startMariadb } from '../fakes/mariadb.ts'

export interface SalesMariadb {
  readonly server: RunningMariadb
  readonly ask: RunningMariadb['ask']
  readonly deals: { readonly database: string; readonly table: string }
  readonly config: {
    host: string
    port: number
    user: string
    password: string
    probe: { user: string; password: string }
  }
  stop(): Promise<void>
}

export async function startSalesMariadb(certificate?: Certificate): Promise<SalesMariadb> {
  const server = await startMariadb(certificate)
  const { ask } = server
  const deals = { database: 'crm', table: 'deals' }
  const names = { user: 'leasehold', probe: 'leasehold_probe' }
  await ask(tables)
  await ask(recipeSql(names))
  await ask(tableSql(names.user, deals))
  const [password, probePassword] = [newSecret(), newSecret()]
  const open = (user: string, secret: string) =>
    ask(`alter user '${user}'@'%' identified by '${secret}' account unlock`)
  await open(names.user, password)
  await open(names.probe, probePassword)
  return {
    server,
    ask,
    deals,
    config: {
      host: server.host,
      port: server.port,
      user: names.user,
      password,
      probe: { user: names.probe, password: probePassword },
    },
    stop: () => server.stop(),
  }
}

export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** A lease nobody asked for before: fresh names, fresh secret, two columns of the deals. */
export function leaseOrder(sales: SalesMariadb, change: Partial<IssueOrder> = {}): IssueOrder {
  const id = randomBytes(8).toString('hex')
  const now = systemClock.now()
  return {
    principal: `lh_t_${id}`,
    holder: `lhg_t_${id}`,
    owner: `lho_t_${id}`,
    object: sales.deals,
    actions: ['read'],
    columns: ['id', 'name'],
    secret: newSecret(),
    deadline: addSeconds(now, 10),
    endsAt: addSeconds(now, 900),
    ...change,
  }
}

export interface MariadbSession {
  readonly ask: (text: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** A session as the holder of that credential has it. The caller closes it. */
export async function signInAs(options: mysql.ConnectionOptions): Promise<MariadbSession> {
  const connection = mysql.createConnection(options)
  connection.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    connection.connect(error => (error === null ? resolve() : reject(error)))
  })
  return {
    ask: text =>
      new Promise((resolve, reject) => {
        connection.query(text, (error, rows) => (error === null ? resolve(rows) : reject(error)))
      }),
    close: async () => connection.destroy(),
  }
}

const tables = `
  create database crm; create database billing;
  create table crm.deals (
    id int auto_increment primary key, name text, stage text, amount numeric, email text);
  insert into crm.deals (name, stage, amount, email)
    values ('one', 'open', 100, 'a@example.com'), ('two', 'open', 200, 'b@example.com');
  create table crm.contacts (id int primary key, email text)`
