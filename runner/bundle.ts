/**
 * A bundle: a tar archive (POSIX.1-1988, `ustar`) of files and folders, and of nothing else. INVARIANT: nothing
 * is written outside the folder it is unpacked to, and nothing there leads out of it.
 *
 * ATTACKER: names with `..`, absolute ones, links, devices, the same name twice, a name below a file, sizes and
 * counts that do not end, headers that other readers read in another way.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bounds } from './bounds.ts'
import { Refusal } from './refusal.ts'

const block = 512

/** Throws Refusal for what is none; what was written by then is whoever called to take away. */
export function unpack(tar: Buffer, folder: string): void {
  mkdirSync(folder, { mode: 0o700 })
  let files = 0
  for (let at = 0; ; ) {
    const head = tar.subarray(at, at + block)
    if (head.length < block) throw no('it is cut off')
    // Two blocks of zeros end it (§10.1.1); whatever comes then is filling.
    if (head.every(byte => byte === 0)) break
    const { path, size, isFolder } = readHead(head)
    if (++files > bounds.bundleFiles) throw no(`it has more than ${bounds.bundleFiles} files`)
    const body = tar.subarray(at + block, at + block + size)
    if (body.length < size) throw no('it is cut off')
    at += block + Math.ceil(size / block) * block
    write(join(folder, path), isFolder ? undefined : body, path)
  }
}

function readHead(head: Buffer) {
  const text = (from: number, length: number) => {
    const field = head.subarray(from, from + length)
    const end = field.indexOf(0)
    return field.toString('utf8', 0, end < 0 ? length : end)
  }
  const number = (from: number, length: number) => {
    const digits = text(from, length).trim()
    return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
  }
  const blank = Buffer.concat([head.subarray(0, 148), Buffer.alloc(8, 32), head.subarray(156)])
  const sum = blank.reduce((all, byte) => all + byte, 0)
  if (text(257, 6) !== 'ustar' || number(148, 8) !== sum) throw no('it is no tar archive (ustar)')
  const [name, size, kind] = [text(0, 100), number(124, 12), text(156, 1)]
  const prefix = text(345, 155)
  const path = pathOf(prefix === '' ? name : `${prefix}/${name}`)
  const isFolder = kind === '5'
  if (!isFolder && kind !== '0' && kind !== '')
    throw no(`\`${path}\` is neither a file nor a folder: links are not taken`)
  if (!Number.isSafeInteger(size) || (isFolder && size !== 0)) throw no(`\`${path}\` has no size`)
  return { path, size, isFolder }
}

/** As it is written, without `./` at its start and `/` at its end. */
function pathOf(name: string): string {
  const path = name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
  if (path === '' || path === '.') return '.'
  const isPlain = path.length <= bounds.pathChars && !/[\p{Cc}\\\ufffd]/u.test(path)
  const parts = path.split('/')
  if (!isPlain || parts.some(part => part === '' || part === '.' || part === '..'))
    throw no(`\`${name.replaceAll(/\p{Cc}/gu, '?').slice(0, 80)}\` leads out of its folder`)
  return path
}

function write(to: string, body: Buffer | undefined, path: string): void {
  try {
    mkdirSync(body === undefined ? to : dirname(to), { recursive: true, mode: 0o700 })
    if (body !== undefined) writeFileSync(to, body, { flag: 'wx', mode: 0o600 })
  } catch {
    throw no(`\`${path}\` is there twice, or can not be written`)
  }
}

const no = (why: string) => new Refusal(422, `This bundle is not taken: ${why}.`)
