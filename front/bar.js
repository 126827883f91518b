/** The small bar of a shared app: whose it is, until when; and the cut, when nobody may look any more. */
const host = document.createElement('leasehold-bar')
const root = host.attachShadow({ mode: 'open' })
const sheet = new CSSStyleSheet()
sheet.replaceSync(`
  :host { all: initial; position: fixed; inset: auto 0 0; z-index: 2147483647; pointer-events: none }
  p { all: initial; display: block; width: fit-content; max-width: calc(100vw - 2rem); margin: 0 auto .5rem;
    padding: .3rem .8rem; border-radius: 1rem; font: 13px/1.4 system-ui, sans-serif; color: #e8ecf2;
    background: #161b22; border: 1px solid #303844; box-sizing: border-box; pointer-events: auto }
`)
root.adoptedStyleSheets = [sheet]

const line = document.createElement('p')
line.setAttribute('role', 'note')
line.setAttribute('aria-label', 'About this app')
root.append(line)

/** @param {string} text */
const day = text =>
  new Date(text).toLocaleString(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })

const answer = await fetch('/.leasehold/bar')
if (answer.ok) {
  /** @type {Record<'app' | 'owner' | 'endsAt' | 'you', string>} */
  // oxlint-disable-next-line typescript/no-unsafe-assignment -- said by the server that serves this
  const { app, owner, endsAt, you } = await answer.json()
  line.textContent = `${app} · ${owner} · ends ${day(endsAt)} · you are ${you}`
  document.body.append(host)
}
// The page is loaded anew then, and says why.
new EventSource('/.leasehold/live').addEventListener('over', () => location.reload())
