/**
 * What a step says to the runner (docs.github.com, "Workflow commands"). ATTACKER: a server whose texts hold
 * commands of the runner, lines of its files, or markup. What is shown passes `plain`, what is kept `put`.
 */
import { randomUUID } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const env: Readonly<Record<string, string | undefined>> = process.env
/** Where the workflow says our name. */
export const ourStep = /uses:.*(leasehold|\/action@)/

/** One line, and no command: the runner takes `::` where a line begins, and `##[` anywhere. */
export function plain(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.replaceAll('##[', '# #[').replace(/^::/, ': :').slice(0, 1000)
}

export function say(line: string): void {
  process.stdout.write(`${plain(line)}\n`)
}

export function command(name: string, value = '', at = ''): void {
  const escaped = value.replaceAll(/[%\r\n]/g, each => encodeURIComponent(each))
  process.stdout.write(`::${name}${at && ` ${at}`}::${escaped}\n`)
}

/** As it is, and as it stands in addresses, JSON and headers. */
export function mask(secret: string): void {
  const forms = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]
  const all = new Set([secret, ...forms, Buffer.from(secret).toString('base64')])
  for (const form of all) command('add-mask', form)
}

export function append(file: 'ENV' | 'OUTPUT' | 'STATE' | 'STEP_SUMMARY', text: string): void {
  appendFileSync(env[`GITHUB_${file}`] ?? '', `${text}\n`)
}

/** A name and its value, ended by what nobody can know before. */
export function put(file: 'ENV' | 'OUTPUT' | 'STATE', name: string, value: string): void {
  const end = `end-${randomUUID()}`
  append(file, `${name}<<${end}\n${value}\n${end}`)
}

/** In the job's summary: text, whatever it looks like. */
export function safe(text: string): string {
  return plain(text).replaceAll(/[^\p{L}\p{N} .,:;/…·-]/gu, each => `&#${each.codePointAt(0)};`)
}

/** Shown at the first line of the workflow that is like `wanted`; at the first of all where none is. */
export function annotate(kind: 'error' | 'warning', text: readonly string[], wanted: RegExp): void {
  const [file = ''] = /\.github\/workflows\/[^@]+/.exec(env['GITHUB_WORKFLOW_REF'] ?? '') ?? []
  const path = join(env['GITHUB_WORKSPACE'] ?? '', file)
  const lines = file && existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  const line = Math.max(1, lines.findIndex(each => wanted.test(each)) + 1)
  const place = file.replaceAll(/[%,:\r\n]/g, each => encodeURIComponent(each))
  command(kind, text.map(plain).join('\n'), `title=Leasehold,file=${place},line=${line}`)
}
