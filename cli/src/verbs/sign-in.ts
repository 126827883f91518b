/** Words about who you are here: sign in, sign out, and what is wrong. */
import type { DoctorView, Me } from '../../../src/doors/api/contract.ts'
import { type Answer, glyph, mark } from '../answer.ts'
import { type Cli, canAsk } from '../cli.ts'
import { failed, problem } from '../problem.ts'
import { readProfile } from '../server.ts'
import { beginSignIn, pollSignIn, signOut } from '../session.ts'
import { moment } from '../time.ts'
import { pinRoot } from '../trust.ts'
import { field, said } from './kit.ts'

export async function login(cli: Cli): Promise<Answer> {
  const { server, host, out, options } = cli
  const [next, told] = ['leasehold login', options.text('root')]
  const why = 'It takes a browser, and a person who says yes there.'
  if (server.demo) throw failed('The demo signs you in by itself.', 'leasehold whoami')
  if (!canAsk(cli)) throw problem('LH-HUMAN-09', { what: 'A person must sign in.', why, next })
  const isFirst = readProfile(server).rootFingerprint === undefined
  const { rootFingerprint } = await pinRoot(server, told)
  const device = await beginSignIn(server)
  out.note(`  Open  ${device['page']}  and check that it says  ${device['user_code']}`)
  for (let pauseMs = Number(device['interval'] ?? 5) * 1000, answer = ''; answer !== 'done'; ) {
    await host.sleep(pauseMs)
    answer = await pollSignIn(server, device)
    if (answer === 'slow_down') pauseMs += 5000
  }
  const me = (await cli.api.get('/v1/me')) as Me
  const known = isFirst ? 'new here: compare it with whoever runs the server' : 'the one you know'
  const who = `${me.person?.name ?? '–'} · signed in at ${server.url.host} (${me.installation.name})`
  const lines = [`${glyph.done} ${who}`, field('Root key', rootFingerprint), field('', known)]
  return said({ me, rootFingerprint, isFirst }, [lines, 'new "what it should do"'])
}

export async function logout({ server }: Cli): Promise<Answer> {
  if (server.demo) throw failed('The demo signs you in by itself.', 'Stop it: Ctrl-C')
  const signedOut = await signOut(server)
  const says = signedOut ? 'Signed out; its key stays remembered.' : 'You were not signed in.'
  return said({ signedOut }, [`${glyph.done} ${says}`, 'login'])
}

export async function whoami(cli: Cli): Promise<Answer> {
  const me = (await cli.api.get('/v1/me')) as Me
  const { installation, person, identity } = me
  const lines = [
    `${glyph.ok} ${person?.name ?? identity?.spiffeId ?? '–'} ${person?.roles.join(', ') ?? ''}`,
    field('At', `${cli.server.url.host}, ${installation.name}, ${installation.mode}`),
    field('Until', moment(me.validUntil, cli.host.now())),
  ]
  return said(me, [lines, 'ls'])
}

export async function doctor(cli: Cli): Promise<Answer> {
  const view = (await cli.api.get('/v1/doctor')) as DoctorView
  const lines = view.checks.map(({ name, ok, says }) => `${mark(ok)} ${name.padEnd(18)} ${says}`)
  const bad = view.checks.find(check => !check.ok)
  const answer = said(view, [lines, 'ls', view.ok])
  return bad?.next === undefined ? answer : { ...answer, next: bad.next }
}
