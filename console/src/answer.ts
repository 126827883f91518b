/**
 * Where one request is answered, on a phone: its card, and the buttons of an answer. The page is markup
 * (`answer.html`); here its places are filled with text. No frame and no library, so that it is there at once.
 */
import { get, type Me, type PasskeyView, post, Refused, type RequestView, readMe } from './api.ts'
import { mayAnswer } from './needs.ts'
import { proofOf } from './passkeys.ts'
import { localTimes, moment, relative } from './time.ts'
import { many, sayState } from './words.ts'

type Said = Readonly<Record<string, string | false | null | undefined>>

const asked = `/v1/requests/${encodeURIComponent(location.pathname.split('/')[2] ?? '')}`
let shown: RequestView | undefined

const at = (id: string) => document.getElementById(id) ?? document.body
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]

document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('button') : null
  if (button?.name === 'again') again()
  else if (button !== null) void answer(button.name === 'yes' ? 'yes' : 'no', button.value)
})
// A phone that was away shows what is so now.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && at('progress').textContent === '') again()
})
void show()

function again(): void {
  at('problem').hidden = true
  void show()
}

/** Reads the card and shows it. */
async function show(): Promise<void> {
  try {
    const own = get<{ items: PasskeyView[] }>('/v1/passkeys')
    const [me, request, { items }] = await Promise.all([readMe(), get<RequestView>(asked), own])
    fill(request, me, items.length > 0)
    at('card').hidden = false
    sayProgress('')
    if (request.app !== null) say({ before: await sayBefore(request.app, me) })
  } catch (thrown) {
    refuse(thrown)
  }
}

function fill(request: RequestView, { person }: Me, hasPasskey: boolean): void {
  shown = request
  const { app, shortId, closedAt, kind } = request
  const { glyph, tone, word } = sayState(request.state)
  at('state').className = `state ${tone}`
  document.title = `${shortId}: ${request.says}`
  // biome-ignore format: a list of texts
  say({
    shortId, reason: request.reason, says: `${request.says}.`, askedBy: request.askedBy,
    worst: request.worst, bodyHash: request.bodyHash, me: `${person?.name} is signed in.`,
    state: `${glyph} ${word}`, app, isData: kind === 'grant' && 'yes', isOther: kind !== 'grant' && 'yes',
    approvers: request.approvers.join(' or '), quorum: `${request.quorum} yes`,
    expiresAt: sayTime(request.expiresAt), closedAt: closedAt && sayTime(closedAt), before: null,
    yes: hasPasskey ? 'Yes, with your passkey' : 'Yes', isBare: !hasPasskey && 'yes',
  })
  list('gives', request.gives.map(localTimes))
  list('answers', request.answers.map(sayAnswer))
  const whose = person === null ? 'others' : whoseTurn(request, person)
  for (const place of all('[data-when]'))
    place.hidden = !(place.dataset['when'] ?? '').split(' ').includes(whose)
  at('console').setAttribute('href', `/requests/${shortId}`)
}

/** What stands there for this person: the answer that is theirs, or why there is none. */
function whoseTurn(request: RequestView, me: NonNullable<Me['person']>): string {
  if (request.state !== 'open') return request.state
  if (Date.parse(request.expiresAt) <= Date.now()) return 'expired'
  if (mayAnswer(request, me)) return 'yours'
  if (request.answers.some(({ person }) => person === me.name)) return 'said'
  return request.askedBy === me.name ? 'asked' : 'others'
}

/** Texts into the places that name them, and nothing where there is none: never markup. */
function say(said: Said): void {
  for (const [name, text] of Object.entries(said)) {
    for (const place of all(`[data-say="${name}"]`)) place.textContent = text || ''
    for (const place of all(`[data-if="${name}"]`)) place.hidden = !text
  }
}

function list(name: string, lines: readonly string[]): void {
  const items = lines.map(() => document.createElement('li'))
  for (const [i, item] of items.entries()) item.textContent = lines[i] ?? ''
  at(name).replaceChildren(...items)
}

const sayTime = (instant: string) => `${moment(instant)} (${relative(instant, Date.now())})`

function sayAnswer({ person, says, at: when, comment }: RequestView['answers'][number]): string {
  const why = comment === null ? '' : `: “${comment}”`
  return `${person} said ${says}, ${sayTime(when)}${why}`
}

/** Null where they may not see what was asked for the app before. */
async function sayBefore(app: string, { person }: Me): Promise<string | null> {
  const path = `/v1/requests?state=agreed&app=${encodeURIComponent(app)}`
  const before = await get<{ items: RequestView[] }>(path).catch(() => null)
  if (before === null) return null
  const own = before.items.flatMap(each =>
    each.answers.filter(({ person: by }) => by === person?.name),
  )
  const times = own.filter(({ says }) => says === 'yes').length
  if (times === 0) return `You never said yes for ${app} before.`
  return `You said yes for ${app} ${many(times, 'time')} before.`
}

/** To the hash of what is shown, and a yes with the passkey of who has one. */
async function answer(says: 'yes' | 'no', comment: string): Promise<void> {
  if (shown === undefined) return
  const { bodyHash } = shown
  at('problem').hidden = true
  sayProgress('◌ sending…')
  try {
    const proof = says === 'yes' ? await proofOf(shown.id) : {}
    const said = comment === '' ? { says, bodyHash } : { says, bodyHash, comment }
    await post(`${asked}/answer`, { ...said, ...proof })
    await show()
    document.querySelector('h1')?.focus()
  } catch (thrown) {
    refuse(thrown)
    if (!(thrown instanceof Refused) || thrown.problem.status === 0) return
    await show()
    if (shown.state !== 'open') say(tooLate)
  }
}

const tooLate: Said = {
  title: 'Somebody was first',
  detail: 'What you said came too late, and was not taken.',
  next: null,
}

/** Buttons rest while something is on its way. */
function sayProgress(text: string): void {
  at('progress').textContent = text
  for (const each of all('button')) each.toggleAttribute('disabled', text !== '')
}

function refuse(thrown: unknown): void {
  const bug = { title: 'This page broke', detail: 'Something went wrong here.', next: undefined }
  const { title, detail, next } = thrown instanceof Refused ? thrown.problem : bug
  sayProgress('')
  say({ title, detail, next })
  at('problem').hidden = false
}
