/** The word starts the part that scans, and ends as that does. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newHome, run } from '../test/host.ts'

test('what it says and how it ends is passed on, without a server or a sign-in', async () => {
  const home = newHome()
  const { code } = await run(
    { home, server: 'http://127.0.0.1:1' },
    'scan',
    'nowhere',
    '--out',
    'a.html',
  )
  expect(code).toBe(2)
  // No source could be opened, so nothing was written.
  expect(existsSync(join(home, 'a.html'))).toBe(false)
})
