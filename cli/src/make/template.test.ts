// Templates: few files, no secret, words that stay words, and tests of their own that hold when they are filled.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseLeaseholdYaml } from '../../../src/life/manifest/leasehold-yaml.ts'
import { credentialsIn } from './agent/credentials.ts'
import { writeFiles } from './record.ts'
import { fill, readTemplate } from './template.ts'

const nasty = `"a' # <b> [c](d) \`e\` \\ \${f} {{owner}}: - x`
const filling = {
  words: {
    app: 'deal-desk',
    purpose: nasty,
    owner: 'Maya "M" Ortiz',
    backup: 'Tom',
    ends: 'Fri 27 Nov 17:00',
    resource: 'crm.deals',
    ask: 'crm.deals:read',
    server: 'https://lh.example',
    template: 'web 1.0.0 0123456789ab',
  },
  raw: { needs: '[{ resource: crm.deals, actions: [read] }]', columns: '["id","title"]' },
}

describe.each(['web', 'job', 'api', 'slack-bot', 'agent', 'notebook'])('the template %s', name => {
  const template = readTemplate(name)
  const files = template.files.map(file => fill(file, filling))

  test('has at most 20 files, no dependency, and nothing left to fill', () => {
    expect(files.length).toBeLessThanOrEqual(20)
    const manifest = JSON.parse(textOf('package.json')) as Record<string, unknown>
    expect(manifest).not.toHaveProperty('dependencies')
    expect(manifest['description']).toBe(nasty)
    for (const { path, text } of files)
      expect([path, /\{\{(?!owner)\w/.test(text)]).toEqual([path, false])
  })

  test('has a leasehold.yaml that the server reads, whatever the sentence was', () => {
    const read = parseLeaseholdYaml(textOf('leasehold.yaml'))
    expect(read.app).toBe('deal-desk')
    expect(read.says['']).toBe('web 1.0.0 0123456789ab')
    expect(read.purposes[0]?.needs).toEqual([{ resource: 'crm.deals', actions: ['read'] }])
  })

  test('keeps secrets out of its history', () => {
    for (const each of ['.env*', '.leasehold/', '*.key'])
      expect(textOf('.gitignore')).toContain(each)
  })

  test('holds nothing that reads like a credential, and says so in at most 12 lines', () => {
    for (const { path, text } of files) expect([path, credentialsIn(text)]).toEqual([path, []])
    expect(textOf('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(12)
  })

  test('passes its own tests', () => {
    const folder = mkdtempSync(join(tmpdir(), 'leasehold-template-'))
    try {
      writeFiles(folder, files)
      const options = { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } } as const
      const out = execFileSync(process.execPath, ['--test', '--test-reporter=tap'], options)
      expect(out).toMatch(/# pass [1-9]/)
      expect(out).toContain('# fail 0')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  function textOf(path: string): string {
    return files.find(file => file.path === path)?.text ?? ''
  }
})

test.each([
  ['job', 4],
  ['api', 5],
  ['notebook', 5],
  ['slack-bot', 1],
  ['agent', 1],
])('what the template %s shares with `web` is the same in both', (name, many) => {
  const web = readTemplate('web')
  const shared = /^(src|tests)\/(postgres|data|synthetic|app)\./
  const files = readTemplate(name).files.filter(({ path }) => shared.test(path))
  expect(files).toHaveLength(many)
  for (const file of files) expect(web.files).toContainEqual(file)
})

test('the workflow of a job asks for a token of its own, names no secret, and pins what it uses', () => {
  const path = '.github/workflows/run.yml'
  const workflow = readTemplate('job').files.find(file => file.path === path)
  const { text } = fill(workflow ?? { path, text: '' }, filling)
  expect(text).toContain('id-token: write')
  expect(text).not.toMatch(/secrets\./)
  for (const [, pin] of text.matchAll(/uses: \S+@(\S+)/g)) expect(pin).toMatch(/^[0-9a-f]{40}$/)
  expect(text).toContain('LEASEHOLD_SERVER: "https://lh.example"')
})

test('a sentence can not become a heading, a link or a tag of a page of Markdown', () => {
  const { text } = fill({ path: 'README.md', text: '{{purpose}}' }, filling)
  expect(text).not.toMatch(/(?<!\\)[<>[\]`#]/)
})

test('a template nobody wrote is refused, and so is one that is named like a member of every object', () => {
  for (const name of ['nothing', 'constructor', '../web', ''])
    expect(() => readTemplate(name)).toThrow(`There is no template \`${name}\``)
})
