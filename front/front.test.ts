/** Which host is an app's, before anything is asked. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { openFront } from './front.ts'
import type { FrontWorld } from './port.ts'

/** Both below one name, as nobody should have it. */
const world = {
  issuer: 'https://desk.acme.example',
  addressOf: (slug: string) => `https://${slug}.acme.example`,
} as FrontWorld

test.each([
  ['the server’s own, whatever an app is called', 'desk.acme.example'],
  ['another name', 'desk.other.example'],
  ['no name', ''],
  ['a name that no app has the form of', '-.acme.example'],
])('%s is no host of an app', async (_, host) => {
  const front = openFront(world)
  const req = { headers: { host } } as IncomingMessage
  expect(await front.answer(req, {} as ServerResponse)).toBe(false)
  front.close()
})
