/**
 * A browser without a window: keeps cookies per host, follows redirects, and posts the forms of a
 * page with what they hold. For tests and the demo, where a person would click.
 */
export interface Page {
  readonly status: number
  readonly url: string
  readonly text: string
  readonly headers: Headers
}

export interface Browser {
  get(url: string): Promise<Page>
  /** Posts the page's form whose action ends in `action`, with `fields` filled in. */
  submit(page: Page, action: string, fields?: Record<string, string>): Promise<Page>
  post(url: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Page>
  cookie(host: string, name: string): string | undefined
  setCookie(host: string, name: string, value: string): void
}

export function openBrowser(): Browser {
  const jar = new Map<string, Map<string, string>>()
  const cookiesOf = (host: string) => {
    const known = jar.get(host) ?? new Map<string, string>()
    jar.set(host, known)
    return known
  }
  async function visit(url: string, init: RequestInit, hops = 10): Promise<Page> {
    const { host } = new URL(url)
    const headers = new Headers(init.headers)
    const cookies = [...cookiesOf(host)].map(([name, value]) => `${name}=${value}`)
    if (cookies.length > 0) headers.set('cookie', cookies.join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) keepCookie(cookiesOf(host), line)
    const text = await response.text()
    const location = response.headers.get('location')
    if (location === null || response.status < 300 || hops === 0)
      return { status: response.status, url, text, headers: response.headers }
    return visit(new URL(location, url).href, { method: 'GET' }, hops - 1)
  }
  const post: Browser['post'] = (url, fields, headers = {}) =>
    visit(url, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { origin: new URL(url).origin, ...headers },
    })
  return {
    get: url => visit(url, { method: 'GET' }),
    submit: (page, action, fields = {}) => {
      const form = page.text
        .split('<form')
        .find(part => part.split('>', 1)[0]?.includes(`action="${action}"`))
      if (form === undefined) throw new Error(`no form ${action} on ${page.url}: ${page.text}`)
      const held = hiddenFields(form.split('</form>', 1)[0] ?? '')
      return post(new URL(action, page.url).href, { ...held, ...fields })
    },
    post,
    cookie: (host, name) => cookiesOf(host).get(name),
    setCookie: (host, name, value) => void cookiesOf(host).set(name, value),
  }
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...rest] = line.split(';')
  const mark = pair.indexOf('=')
  const [name, value] = [pair.slice(0, mark), pair.slice(mark + 1)]
  if (rest.some(part => /^\s*max-age=0$/i.test(part))) cookies.delete(name)
  else cookies.set(name, value)
}

function hiddenFields(form: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [, name, value] of form.matchAll(
    /<input type="hidden" name="([^"]+)" value="([^"]*)"/g,
  ))
    fields[name ?? ''] = unescape(value ?? '')
  return fields
}

function unescape(text: string): string {
  const letters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
  return text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_all, name: string) => letters[name] ?? '')
}
