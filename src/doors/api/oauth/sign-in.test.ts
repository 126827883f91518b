/** People at the pages: links, the company's provider, cookies, forms. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, openBrowser } from '../../../../test/support/browser.ts'
import { browserOf, type OauthServer, startOauthServer } from '../../../../test/support/oauth.ts'
import { companySignIn } from '../../../life/sign-in/company.ts'
import { setSecurityHeaders } from './answer.ts'
import { cookieJar } from './cookies.ts'
import { readRequest } from './request.ts'
import { returnPath } from './sign-in.ts'

let server: OauthServer
let host: string

beforeAll(async () => {
  server = await startOauthServer()
  host = new URL(server.origin).host
})
afterAll(() => server.stop())
beforeEach(() => {
  server.company.tamper = undefined
  server.company.divert = undefined
  server.company.reply = undefined
})

async function isSignedIn(browser: Browser): Promise<boolean> {
  return (await browser.get(server.origin)).text.includes('● signed in')
}

async function people(): Promise<number> {
  const rows = await server.world.store.query<{ n: number }>(
    'select count(*)::int as n from person',
  )
  return rows[0]?.n ?? 0
}

describe('a one-time link', () => {
  test('signs in after one click, and once', async () => {
    const [browser, link] = [openBrowser(), await server.link()]
    const page = await browser.submit(await browser.get(link), '/sign-in/link')
    expect(page.url).toBe(`${server.origin}/`)
    expect(page.text).toContain('Signed in as Sam')
    expect(page.text).toContain('platform')
    const thief = openBrowser()
    const again = await thief.submit(await thief.get(link), '/sign-in/link')
    expect(again.status).toBe(401)
    expect(await isSignedIn(thief)).toBe(false)
  })

  test('is not used up by whoever only looks: previews, scanners, prefetching', async () => {
    const link = await server.link()
    for (const method of ['GET', 'HEAD'])
      for (let i = 0; i < 3; i++) {
        const seen = await fetch(link, { method, redirect: 'manual' })
        expect(seen.status).toBe(200)
        expect(seen.headers.get('set-cookie')).toBeNull()
      }
    const browser = openBrowser()
    await browser.submit(await browser.get(link), '/sign-in/link')
    expect(await isSignedIn(browser)).toBe(true)
  })

  test('can be pasted, and brings the person back to what they came for', async () => {
    const browser = openBrowser()
    const asked = await browser.get(`${server.origin}/d`)
    const page = await browser.submit(asked, '/sign-in/link', { link: await server.link() })
    expect(page.url).toBe(`${server.origin}/d`)
    expect(page.text).toContain('Code your terminal shows')
  })

  test('can not be used by a page of another site, which would sign its reader in as somebody', async () => {
    const secret = (await server.link()).split('=')[1] ?? ''
    for (const origin of ['https://evil.example', 'null'])
      expect(
        (await openBrowser().post(`${server.origin}/sign-in/link`, { link: secret }, { origin }))
          .status,
      ).toBe(400)
    const silent = await fetch(`${server.origin}/sign-in/link`, {
      method: 'POST',
      body: new URLSearchParams({ link: secret }),
    })
    expect(silent.status).toBe(400)
    const browser = openBrowser()
    await browser.post(`${server.origin}/sign-in/link`, { link: secret })
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('the session cookie', () => {
  test('can not be read by pages, sent along by other sites, or kept for long', async () => {
    const { secret } = { secret: (await server.link()).split('=')[1] ?? '' }
    const response = await fetch(`${server.origin}/sign-in/link`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: server.origin },
      body: new URLSearchParams({ link: secret }),
    })
    expect(response.status).toBe(303)
    const [cookie] = response.headers.getSetCookie()
    expect(cookie).toMatch(/^lh_session=[\w-]{43}; Path=\/; Max-Age=28800; HttpOnly; SameSite=Lax$/)
  })

  test('over https is for this host alone, and never leaves by plain http', () => {
    const request = new IncomingMessage(new Socket())
    request.headers.cookie = 'lh_session=planted; __Host-lh_session=ours'
    const res = new ServerResponse(request)
    const jar = cookieJar(true)
    jar.set(res, 'session', 'x')
    setSecurityHeaders(res, true)
    expect(res.getHeader('set-cookie')).toBe(
      '__Host-lh_session=x; Path=/; Max-Age=28800; HttpOnly; SameSite=Lax; Secure',
    )
    expect(res.getHeader('strict-transport-security')).toContain('max-age=')
    expect(jar.read(readRequest(request), 'session')).toBe('ours')
  })

  test('planted beforehand is not the one that gets signed in', async () => {
    const browser = openBrowser()
    const planted = 'A'.repeat(43)
    browser.setCookie(host, 'lh_session', planted)
    await browser.submit(await browser.get(await server.link()), '/sign-in/link')
    expect(browser.cookie(host, 'lh_session')).not.toBe(planted)
    const thief = openBrowser()
    thief.setCookie(host, 'lh_session', planted)
    expect(await isSignedIn(thief)).toBe(false)
  })

  test('of an earlier sign-in ends with the next one in the same browser', async () => {
    const browser = await browserOf(server, 'tom')
    const old = browser.cookie(host, 'lh_session') ?? ''
    await browser.get(`${server.origin}/sign-in/company?login_hint=maya`)
    const thief = openBrowser()
    thief.setCookie(host, 'lh_session', old)
    expect(await isSignedIn(thief)).toBe(false)
    expect((await browser.get(server.origin)).text).toContain('Maya Ortiz')
  })

  test('sent twice is nobody', async () => {
    const browser = await browserOf(server, 'tom')
    const good = browser.cookie(host, 'lh_session') ?? ''
    const response = await fetch(server.origin, {
      headers: { cookie: `lh_session=${good}; lh_session=${'B'.repeat(43)}` },
    })
    expect(await response.text()).toContain('○ not signed in')
  })

  test('is gone after signing out, here and for whoever copied it', async () => {
    const browser = await browserOf(server, 'tom')
    const copied = browser.cookie(host, 'lh_session') ?? ''
    await browser.submit(await browser.get(server.origin), '/sign-out')
    expect(browser.cookie(host, 'lh_session')).toBeUndefined()
    const thief = openBrowser()
    thief.setCookie(host, 'lh_session', copied)
    expect(await isSignedIn(thief)).toBe(false)
  })

  test('alone does not sign anybody out: the form must be of this session', async () => {
    const browser = await browserOf(server, 'tom')
    expect((await browser.post(`${server.origin}/sign-out`, {})).status).toBe(400)
    expect((await browser.post(`${server.origin}/sign-out`, { csrf: 'A'.repeat(43) })).status).toBe(
      400,
    )
    expect((await browser.get(`${server.origin}/sign-out`)).status).toBe(405)
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('the company provider', () => {
  test('says who somebody is, and the page shows by whom', async () => {
    const browser = await browserOf(server, 'maya')
    const page = await browser.get(server.origin)
    expect(page.text).toContain('Maya Ortiz')
    expect(page.text).toContain(server.company.issuer)
    expect(page.text).toContain('nothing special')
  })

  test('asks who one is when the browser does not say', async () => {
    const page = await openBrowser().get(`${server.origin}/sign-in/company`)
    expect(page.text).toContain('Who are you?')
  })

  test('its answer belongs to one sign-in of one browser', async () => {
    const [maya, mallory] = [openBrowser(), openBrowser()]
    let answer = ''
    server.company.divert = url => {
      answer = url.search
      url.pathname = '/nowhere'
    }
    await maya.get(`${server.origin}/sign-in/company?login_hint=maya`)
    server.company.divert = undefined
    const before = await people()
    // Another browser, with no sign-in of its own and with one.
    expect((await mallory.get(`${server.origin}/sign-in/callback${answer}`)).status).toBe(401)
    server.company.divert = url => {
      url.pathname = '/nowhere'
    }
    await mallory.get(`${server.origin}/sign-in/company?login_hint=tom`)
    server.company.divert = undefined
    expect((await mallory.get(`${server.origin}/sign-in/callback${answer}`)).status).toBe(401)
    // The right browser, once.
    expect((await maya.get(`${server.origin}/sign-in/callback${answer}`)).status).toBe(200)
    expect(await isSignedIn(maya)).toBe(true)
    const again = openBrowser()
    expect((await again.get(`${server.origin}/sign-in/callback${answer}`)).status).toBe(401)
    expect(await people()).toBe(before)
  })

  test('is refused when state, issuer, nonce, audience or time are not those of the sign-in', async () => {
    const before = await people()
    const diversions: ((url: URL) => void)[] = [
      url => url.searchParams.set('state', 'x'),
      url => url.searchParams.delete('state'),
      url => url.searchParams.set('iss', 'https://evil.example'),
      url => url.searchParams.append('code', 'second'),
      url => url.searchParams.set('code', 'unknown'),
    ]
    for (const divert of diversions) {
      server.company.divert = divert
      const browser = openBrowser()
      const page = await browser.get(`${server.origin}/sign-in/company?login_hint=maya`)
      expect([400, 401]).toContain(page.status)
      expect(await isSignedIn(browser)).toBe(false)
    }
    server.company.divert = undefined
    const claims: Record<string, unknown>[] = [
      { nonce: 'x' },
      { nonce: undefined },
      { aud: 'somebody-else' },
      { iss: 'https://evil.example' },
      { exp: 1 },
      { sub: undefined },
      { sub: '' },
      { sub: ['maya'] },
    ]
    for (const change of claims) {
      server.company.tamper = token => {
        for (const [name, value] of Object.entries(change)) {
          if (value === undefined) Reflect.deleteProperty(token.payload, name)
          else token.payload[name] = value
        }
      }
      const browser = openBrowser()
      const page = await browser.get(`${server.origin}/sign-in/company?login_hint=maya`)
      expect([change, page.status]).toEqual([change, change['sub'] === '' ? 422 : 401])
      expect(await isSignedIn(browser)).toBe(false)
    }
    expect(await people()).toBe(before)
  })

  test('must have signed what it says: a changed token is refused', async () => {
    server.company.reply = body => {
      const [head, claims = '', signature] = String(body['id_token']).split('.')
      const text = Buffer.from(claims, 'base64url').toString().replace('"maya"', '"tom"')
      body['id_token'] = `${head}.${Buffer.from(text).toString('base64url')}.${signature}`
    }
    const browser = openBrowser()
    const page = await browser.get(`${server.origin}/sign-in/company?login_hint=maya`)
    expect(page.status).toBe(401)
    expect(await isSignedIn(browser)).toBe(false)
  })

  test('that refuses is quoted by its code, and only that', async () => {
    server.company.divert = url => {
      url.searchParams.delete('code')
      url.searchParams.set('error', 'access_denied<script>')
      url.searchParams.set('error_description', '<img src=x onerror=alert(1)>')
    }
    const page = await openBrowser().get(`${server.origin}/sign-in/company?login_hint=maya`)
    expect(page.status).toBe(401)
    expect(page.text).toContain('access_denied&lt;script&gt;')
    expect(page.text).not.toMatch(/<script|<img|onerror/)
  })

  test('can put nothing into a page but text', async () => {
    server.company.tamper = token => {
      token.payload['name'] = `"><script>alert(1)</script>' onload='x`
      token.payload['email'] = 'javascript:alert(1)@x'
    }
    const browser = await browserOf(server, 'ines')
    const page = await browser.get(server.origin)
    expect(page.text).not.toMatch(/<script|<img|onload='/)
    expect(page.text).toContain('&lt;script&gt;')
  })

  test('that is down is said so, and harms nobody who is signed in', async () => {
    const other = await startOauthServer()
    other.company.divert = url => {
      url.pathname = '/nowhere'
    }
    const midway = openBrowser()
    const left = await midway.get(`${other.origin}/sign-in/company?login_hint=maya`)
    await other.company.stop()
    const back = left.url.replace('/nowhere', '/sign-in/callback')
    expect((await midway.get(back)).status).toBe(503)
    const cold = await startOauthServer()
    await cold.company.stop()
    const page = await openBrowser().get(`${cold.origin}/sign-in/company`)
    expect(page.status).toBe(503)
    expect(page.text).toContain('does not answer')
    await cold.stop()
    const browser = openBrowser()
    await browser.submit(await browser.get(await other.link()), '/sign-in/link')
    expect((await browser.get(other.origin)).text).toContain('Signed in as Sam')
    await other.stop()
  })

  test('over plain http is refused unless it is on this machine and that was said', () => {
    const fixed = { name: 'X', clientId: 'x', redirectUri: 'https://lh.example/sign-in/callback' }
    const make = (issuer: string, allowLoopbackHttp?: boolean) => () =>
      companySignIn(server.world, {
        ...fixed,
        issuer,
        ...(allowLoopbackHttp === undefined ? {} : { allowLoopbackHttp }),
      })
    const refusal = expect.objectContaining({ code: 'bad-configuration' })
    for (const issuer of [
      'http://login.example',
      'http://localhost.evil.example',
      'http://127.0.0.1.nip.io',
      'ftp://x',
      'x',
      '',
      'https://user@login.example',
    ])
      expect(make(issuer, true)).toThrow(refusal)
    expect(make('http://localhost:9')).toThrow(refusal)
    expect(make('http://localhost:9', true)).not.toThrow()
    expect(make('https://login.example')).not.toThrow()
  })
})

describe('pages', () => {
  test('return only to paths of ours', () => {
    const pages = [
      '/apps',
      '/apps/deal-desk/end',
      '/log?about=deal-desk&kind=app.end',
      '/trace/L-7K2Q',
      '/a/R-7K2Q',
    ]
    for (const good of ['/', '/d', '/d?user_code=BCDF-GHJK', ...pages])
      expect(returnPath(good)).toBe(good)
    for (const bad of [
      '//evil.example',
      'https://evil.example',
      '/\\evil.example',
      '/d?x=1',
      '/d?user_code=BCDF-GHJK&x=1',
      '/sign-out',
      '',
      '/d\n',
      '/apps\n',
      '/apps//evil.example',
      '/apps/../d',
      '/apps/%2e%2e/d',
      '/appsx',
      '/apps?to=//evil.example',
      '/a//evil.example',
      '/a/../v1/me',
      '/v1/me',
    ])
      expect(returnPath(bad)).toBe('/')
  })

  test('hold no script, no style inside, and nothing from elsewhere', async () => {
    const browser = await browserOf(server, 'tom')
    for (const path of ['/', '/sign-in', '/d', '/?t=x', '/d?user_code=x']) {
      const { text } = await browser.get(`${server.origin}${path}`)
      expect(text).toContain('<html lang="en">')
      expect(text).toMatch(/<h1>[^<]+<\/h1>/)
      expect(text).not.toMatch(/<script|<style|style=|\son\w+="|(src|href)="(https?:)?\/\/|<img/)
      for (const [, id] of text.matchAll(/<input id="(\w+)"/g))
        expect(text).toContain(`for="${id}"`)
    }
    const style = await fetch(`${server.origin}/style.css`)
    expect(style.headers.get('content-type')).toContain('text/css')
    expect(await style.text()).not.toMatch(/url\(|@import/)
  })

  test('are at home under one name: 127.0.0.1 sends the browser there', async () => {
    const response = await fetch(`http://127.0.0.1:${host.split(':')[1]}/?t=abc`, {
      redirect: 'manual',
    })
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe(`${server.origin}/?t=abc`)
  })
})
