// A real MariaDB of our own for tests, from Debian's `mariadb-server`: on its own port of 127.0.0.1,
// ended without a trace. Not a fake, though it stands beside them.
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import mysql from 'mysql2'
import type { Certificate } from './certificates.ts'
import {
  findFreePort,
  findProgram,
  HOST,
  makePlace,
  needs,
  runProgram,
  runServer,
} from './server-process.ts'

export interface RunningMariadb {
  readonly host: string
  readonly port: number
  readonly pid: number
  /** What the server writes down of statements, when it is told to. */
  readonly statementLog: string
  /** As root, who is not the connector. */
  readonly ask: <Row>(text: string) => Promise<Row[]>
  stop(): Promise<void>
}

export const mariadb = needs('mariadbd')

export async function startMariadb(certificate?: Certificate): Promise<RunningMariadb> {
  const place = await makePlace()
  const data = join(place.folder, 'data')
  const statementLog = join(data, 'statements.log')
  try {
    // A temporary folder of its own: a server that starts removes what others keep in a shared one.
    const own = ['--no-defaults', `--datadir=${data}`, `--tmpdir=${data}`]
    const install = findProgram('mariadb-install-db') ?? 'mariadb-install-db'
    await runProgram(place, install, [
      ...own,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
    ])
    const port = await findFreePort()
    const open = () => openAsRoot(port)
    const running = await runServer(
      place,
      [
        findProgram('mariadbd') ?? 'mariadbd',
        ...own,
        `--bind-address=${HOST}`,
        `--port=${port}`,
        `--socket=${join(data, 'socket')}`,
        '--skip-name-resolve',
        '--max-connections=300',
        '--innodb-buffer-pool-size=16M',
        '--innodb-flush-log-at-trx-commit=0',
        `--general-log-file=${statementLog}`,
        '--general-log=1',
        ...(certificate === undefined
          ? []
          : [
              `--ssl-ca=${certificate.caFile}`,
              `--ssl-cert=${certificate.certFile}`,
              `--ssl-key=${certificate.keyFile}`,
            ]),
      ],
      async () => (await open()).destroy(),
    )
    const root = await open()
    return {
      host: HOST,
      port,
      pid: running.pid,
      statementLog,
      ask: <Row>(text: string) =>
        new Promise<Row[]>((resolve, reject) => {
          root.query(text, (error, rows) =>
            error === null ? resolve(rows as unknown as Row[]) : reject(error),
          )
        }),
      async stop() {
        root.destroy()
        await running.stop()
        await fs.rm(place.folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await fs.rm(place.folder, { recursive: true, force: true })
    throw error
  }
}

function openAsRoot(port: number): Promise<mysql.Connection> {
  const connection = mysql.createConnection({
    host: HOST,
    port,
    user: 'root',
    multipleStatements: true,
    connectTimeout: 2_000,
  })
  connection.on('error', () => {})
  return new Promise((resolve, reject) => {
    connection.connect(error => (error === null ? resolve(connection) : reject(error)))
  })
}
