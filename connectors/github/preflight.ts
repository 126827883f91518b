/**
 * The canary: before anything is issued here, a whole life of a token that may see nothing but that
 * repositories are there. Stops at the first step that fails; each detail says what a person does next.
 */
import { randomBytes } from 'node:crypto'
import { judge } from '../../src/core/target/judge.ts'
import type { Preflight } from '../../src/core/target/target.ts'
import { type Steps, walk } from '../rest/canary.ts'
import { type App, isSame, objectOf, refused } from './app.ts'
import { pathOf } from './lease.ts'
import { verifyGone } from './verify.ts'

export function preflight(app: App, signal: AbortSignal): Promise<Preflight> {
  let token = ''
  const expect = async (tried: string, says: 'accepted' | 'refused') => {
    const { rest, graph, because } = await app.tryToken(tried, signal)
    if (rest !== says || graph !== says)
      throw refused(`REST says ${rest}, GraphQL says ${graph}. ${because.join(' ')}`)
  }
  const steps: Steps = {
    'the App is known': async () => {
      await app.asApp({ method: 'GET', path: '/app' }, signal)
    },
    'its installation is there and not suspended': () => checkInstallation(app, signal),
    'a token is made': async () => {
      token = (await app.mint({ permissions: { metadata: 'read' } }, signal)).token
    },
    'it is accepted': () => expect(token, 'accepted'),
    'one that nobody made is refused': () => expect(inventedToken(), 'refused'),
    'it is ended': () => app.endToken(token, signal),
    'it is refused and gone': () => expectGone(app, token, signal),
  }
  return walk('GitHub', steps, async () => {
    if (token !== '') await app.endToken(token, signal)
  })
}

async function checkInstallation(app: App, signal: AbortSignal): Promise<void> {
  const { account, suspended_at: at = null } = await app.installation(signal)
  if (!isSame(objectOf(account ?? null)['login'], app.config.organisation))
    throw refused(`The installation is not of \`${app.config.organisation}\`.`)
  if (at !== null) throw refused('The installation is suspended.', 'Unsuspend it, at GitHub.')
}

async function expectGone(app: App, secret: string, signal: AbortSignal): Promise<void> {
  const order = { principal: '', holder: '', owner: '', object: null, deadline: app.clock.now() }
  const acceptedPath = pathOf(app, secret)
  const evidence = await verifyGone(app, { ...order, secret, acceptedPath }, signal)
  const state = judge(evidence)
  if (state !== 'verified-gone') throw refused(`It is ${state}: ${evidence.because ?? 'as it was'}`)
}

/** Of the form of a token, and of nobody. */
const inventedToken = () => `ghs_${randomBytes(18).toString('hex')}`
