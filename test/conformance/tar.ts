/**
 * Files out of a `.tar.gz`: ustar, regular files and folders, nothing else. Strict: a header that does
 * not add up, a name too long for ustar, a link or an end that is missing is an error, never skipped.
 */
import { gunzipSync } from 'node:zlib'

const block = 512
/** Of what is unpacked. */
const mostBytes = 1024 * 1024 * 1024
const regular = ['0', '\0']
const folder = '5'

export function readTarGz(packed: Uint8Array): Map<string, Buffer> {
  const bytes = gunzipSync(packed, { maxOutputLength: mostBytes })
  const files = new Map<string, Buffer>()
  for (let at = 0; ; ) {
    const header = bytes.subarray(at, at + block)
    if (header.length < block) throw new Error('the archive has no end')
    if (header.every(byte => byte === 0)) return files
    const { name, size, kind } = readHeader(header)
    const body = bytes.subarray(at + block, at + block + size)
    if (body.length < size) throw new Error(`the archive ends within ${name}`)
    if (regular.includes(kind)) files.set(name, body)
    else if (kind !== folder) throw new Error(`${name} is neither a file nor a folder`)
    at += block + Math.ceil(size / block) * block
  }
}

function readHeader(header: Buffer) {
  if (textAt(header, 257, 5) !== 'ustar') throw new Error('the archive is not ustar')
  const sum = header.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 32 : byte), 0)
  if (sum !== octalAt(header, 148, 8)) throw new Error('a header of the archive is damaged')
  // GNU tar has its own fields where ustar has the prefix.
  const prefix = textAt(header, 263, 2) === '00' ? textAt(header, 345, 155) : ''
  const name = textAt(header, 0, 100)
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    size: octalAt(header, 124, 12),
    kind: header.toString('latin1', 156, 157),
  }
}

function textAt(header: Buffer, from: number, length: number): string {
  const text = header.toString('utf8', from, from + length)
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

function octalAt(header: Buffer, from: number, length: number): number {
  const text = textAt(header, from, length).trim()
  if (!/^[0-7]{1,11}$/.test(text)) throw new Error('a header of the archive holds no number')
  return Number.parseInt(text, 8)
}
