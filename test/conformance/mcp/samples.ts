/**
 * The smallest image and sound that are what they say: made here, byte by byte, so that no binary
 * file needs to be kept. Not for looking at.
 */
import { crc32, deflateSync } from 'node:zlib'

/** One red pixel. */
export const png = pixel([255, 0, 0]).toString('base64')

/** Eight samples of silence: mono, 8 bit, 8 kHz. */
export const wav = silence(8, 8000).toString('base64')

function pixel(color: readonly [number, number, number]): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(1, 0)
  header.writeUInt32BE(1, 4)
  header.set([8, 2, 0, 0, 0], 8) // 8 bits a channel, true color, nothing special
  const row = Buffer.from([0, ...color]) // filter 0, then the pixel
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(row)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  return Buffer.concat([uint32(body.length, 'BE'), named, uint32(crc32(named), 'BE')])
}

function silence(samples: number, rate: number): Buffer {
  const format = Buffer.alloc(16)
  format.writeUInt16LE(1, 0) // PCM
  format.writeUInt16LE(1, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt32LE(rate, 8)
  format.writeUInt16LE(1, 12)
  format.writeUInt16LE(8, 14)
  const body = Buffer.concat([
    Buffer.from('WAVE', 'latin1'),
    riff('fmt ', format),
    riff('data', Buffer.alloc(samples, 128)),
  ])
  return riff('RIFF', body)
}

function riff(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type, 'latin1'), uint32(body.length, 'LE'), body])
}

function uint32(value: number, order: 'BE' | 'LE'): Buffer {
  const bytes = Buffer.alloc(4)
  if (order === 'BE') bytes.writeUInt32BE(value)
  else bytes.writeUInt32LE(value)
  return bytes
}
