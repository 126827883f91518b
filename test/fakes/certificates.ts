// Certificates for servers of tests: an authority of this run, and one for each name. By `openssl`, since
// Node makes none.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { makePlace } from './server-process.ts'

export interface Certificate {
  /** Of the authority, PEM. */
  readonly ca: string
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  remove(): Promise<void>
}

/** For one DNS name. Readable by whom servers run as. */
export async function makeCertificate(name: string): Promise<Certificate> {
  const { folder } = await makePlace()
  const at = (file: string) => join(folder, file)
  const key = 'ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout'.split(' ')
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  run('req', '-x509', '-days', '2', '-subj', '/CN=test', '-newkey', ...key, 'ca.key', '-out', 'ca')
  run('req', '-subj', `/CN=${name}`, '-newkey', ...key, 'key', '-out', 'request')
  await fs.writeFile(at('names'), `subjectAltName=DNS:${name}\n`)
  const by = ['-CA', 'ca', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
  run('x509', '-req', '-days', '2', '-in', 'request', ...by, '-out', 'cert')
  await fs.chmod(at('key'), 0o644)
  return {
    ca: await fs.readFile(at('ca'), 'utf8'),
    caFile: at('ca'),
    certFile: at('cert'),
    keyFile: at('key'),
    remove: () => fs.rm(folder, { recursive: true, force: true }),
  }
}
