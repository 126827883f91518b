import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { presets } from '../rest/presets.ts'
import { classOfRequest, classOfTool } from './classes.ts'
import { parseHttp, parseMcp, parsePaths, parseTools } from './config.ts'

describe('a request', () => {
  test.each([
    ['POST /v1/chat/completions', 'spend'],
    ['GET /v1/models', 'read'],
    ['POST /v1/organization/admin_api_keys', 'change-privilege'],
    ['GET /v1/organization/users', 'change-privilege'],
    ['DELETE /v1/files/f1', 'destroy'],
    ['POST /v1/something/new', 'change-privilege'],
    ['PROPFIND /v1/models', 'change-privilege'],
  ])('%s at a vendor we know is to %s', (asked, action) => {
    expect(classOfRequest({}, asked, presets.openai)).toBe(action)
  })

  test.each([
    ['GET /a/b.git/info/refs?service=git-upload-pack', 'read'],
    ['POST /a/b.git/git-upload-pack', 'read'],
    ['GET /a/b.git/HEAD', 'read'],
    ['GET /a/b.git/info/refs?service=git-receive-pack', 'write'],
    ['GET /a/b.git/info/refs?service=git-upload-pack&service=git-receive-pack', 'write'],
    ['GET /a/b.git/info/refs?service=git%2Dreceive-pack', 'write'],
    ['GET /a/b.git/info/refs?x=/info/refs?service=git-upload-pack', 'write'],
    ['GET /a/b.git/info/refs?', 'write'],
    ['POST /a/b.git/git-receive-pack', 'write'],
    ['POST /a/b.git/git-receive-pack/git-upload-pack', 'write'],
    ['POST /a/b.git/%67it-receive-pack', 'change-privilege'],
    ['POST /a/b.git/info/lfs/objects/batch', 'change-privilege'],
  ])('%s of git is to %s', (asked, action) => {
    expect(classOfRequest({}, asked, presets.git)).toBe(action)
  })

  test('of git that pushes is never reading, whatever somebody says of its path', () => {
    const object = parsePaths({ rules: [{ ask: '* /*', action: 'read' }] })
    for (const path of [
      'info/refs?service=git-receive-pack',
      'git-receive-pack',
      'Git-Receive-Pack/',
    ])
      for (const method of ['GET', 'POST'])
        expect(classOfRequest(object, `${method} /a/b.git/${path}`)).toBe('write')
    const spelt = 'POST /a/b.git/gi%74-receive-pac%6B'
    expect(classOfRequest(object, spelt, presets.github)).toBe('write')
    expect(classOfRequest(object, 'POST /a/b.git/git-upload-pack')).toBe('read')
  })

  test('is classed by its path: what it asks by its query is nobody’s rule', () => {
    const object = parsePaths({ rules: [{ ask: 'POST /v1/search', action: 'read' }] })
    expect(classOfRequest(object, 'POST /v1/search?q=/v1/x')).toBe('read')
    expect(classOfRequest(object, 'POST /v1/other?/v1/search')).toBe('change-privilege')
  })

  test.each(['GET', 'POST'])(
    '%s at Slack says nothing: what nobody classed is the strongest',
    how => {
      const classOf = (method: string) => classOfRequest({}, `${how} /api/${method}`, presets.slack)
      expect(classOf('conversations.list')).toBe('read')
      for (const method of ['auth.revoke', 'apps.uninstall', 'conversations.kick'])
        expect(classOf(method)).toBe('change-privilege')
    },
  )

  test('is what the resource says first, and a rule is of the whole path', () => {
    const object = parsePaths({
      rules: [
        { ask: 'POST /v1/search', action: 'read' },
        { ask: '* /v1/*/members', action: 'write' },
      ],
    })
    expect(classOfRequest(object, 'POST /v1/search')).toBe('read')
    expect(classOfRequest(object, 'POST /v1/search/all')).toBe('change-privilege')
    expect(classOfRequest(object, 'POST /v1/a/b/members')).toBe('write')
    expect(classOfRequest(object, 'POST /v1/members')).toBe('change-privilege')
  })

  test('nobody classed is read only where its method can do nothing else', () => {
    const method = fc.stringMatching(/^[A-Z]{3,7}$/)
    fc.assert(
      fc.property(method, fc.webPath(), (name, path) => {
        const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(name)
        expect(classOfRequest({}, `${name} ${path}`) === 'read').toBe(isRead)
      }),
    )
  })
})

describe('a tool', () => {
  const said = (annotations?: object) =>
    ({ name: 'x', ...(annotations && { annotations }) }) as never
  test('is what the resource says, then what was agreed of it, and else the strongest', () => {
    expect(classOfTool(parseTools({ tools: { x: 'share-outside' } }), 'x', said())).toBe(
      'share-outside',
    )
    expect(classOfTool(parseTools({ tools: { '*': 'read' } }), 'x', said())).toBe('read')
    expect(classOfTool({}, 'x', said({ readOnlyHint: true }))).toBe('read')
    expect(classOfTool({}, 'x', said({ destructiveHint: false }))).toBe('write')
    expect(classOfTool({}, 'x', said({ destructiveHint: true }))).toBe('destroy')
    expect(classOfTool({}, 'x', said({ readOnlyHint: 'true' }))).toBe('change-privilege')
    expect(classOfTool({}, 'x', said())).toBe('change-privilege')
    expect(classOfTool({}, '__proto__', undefined)).toBe('change-privilege')
  })
})

describe('what a person connects', () => {
  test.each([
    'http://api.example/v1',
    'https://user:word@api.example',
    'https://api.example/?key=1',
    'https://api.example/#a',
    'https://10.0.0.1/v1',
    'https://[fd00::1]/v1',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'api.example',
  ])('is not %s', url => {
    expect(() => parseMcp({ url })).toThrow(/invalid-field/)
    expect(() => parseHttp({ url })).toThrow(/invalid-field/)
  })

  test('is an address with a header, or a name we know with its key; parsed again it is the same', () => {
    const credential = { header: 'x-api-key', value: 'k1' }
    const own = parseHttp({ url: 'https://api.example/v1', credential })
    expect(parseHttp(own)).toEqual(own)
    const known = parseHttp({ preset: 'anthropic', key: 'k1' })
    expect(known).toEqual({ url: 'https://api.anthropic.com', credential, preset: 'anthropic' })
    expect(parseHttp(known)).toEqual(known)
    const git = parseHttp({ preset: 'git', key: 'x-access-token:k1' })
    expect(git).toMatchObject({ credential: { value: `Basic ${btoa('x-access-token:k1')}` } })
    expect(parseMcp({ url: 'http://127.0.0.1:9/mcp' })).toEqual({ url: 'http://127.0.0.1:9/mcp' })
  })

  test('has no header of the connection, and no value with a line end', () => {
    const url = 'https://api.example'
    for (const credential of [
      { header: 'X-Api-Key', value: 'k' },
      { header: 'a:b', value: 'k' },
      { header: 'x-api-key', value: 'k\r\nhost: evil' },
      { header: 'x-api-key', value: '' },
    ])
      expect(() => parseHttp({ url, credential })).toThrow(/invalid-field/)
    expect(() => parseHttp({ preset: 'unheard-of', key: 'k' })).toThrow(/invalid-field/)
    expect(() => parseTools({ tools: { 'a b': 'read' } })).toThrow(/invalid-field/)
    expect(() => parsePaths({ rules: [{ ask: 'get /x', action: 'read' }] })).toThrow(
      /invalid-field/,
    )
    expect(() => parsePaths({ rules: [{ ask: 'GET /x?y', action: 'read' }] })).toThrow(
      /invalid-field/,
    )
  })
})
