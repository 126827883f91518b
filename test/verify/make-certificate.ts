/**
 * Writes the end certificate of a day played in folders that are thrown away, and the fingerprint of
 * its installation's root key, for verifiers that are not ours.
 *
 *   make-certificate.ts CERTIFICATE.json FINGERPRINT
 */
import { copyFile } from 'node:fs/promises'
import { startParts } from '../../demo/parts.ts'
import { playStory } from '../../demo/story.ts'

const [certificate, fingerprint] = process.argv.slice(2)
if (certificate === undefined || fingerprint === undefined)
  throw new Error('usage: make-certificate.ts CERTIFICATE.json FINGERPRINT')
const parts = await startParts({ kept: false, port: 0 }, () => {})
try {
  const told = await playStory(parts, () => {})
  await copyFile(parts.file(told.certificate.path), certificate)
  await copyFile(parts.file('demo/trusted-key.pub'), fingerprint)
} finally {
  await parts.stop()
}
