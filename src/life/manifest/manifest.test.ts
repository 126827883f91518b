// Reading leasehold.yaml: what it may say, what is refused and at which line.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isProblem } from '../../core/base/problem.ts'
import { bounds } from './bounds.ts'
import { parseLeaseholdYaml } from './leasehold-yaml.ts'
import { manifestSchema } from './manifest-schema.ts'

const good = `# the only file a reviewer must read
app: deal-desk
says: board of deals stuck > 14 days
owner: Maya Ortiz
purposes:
  stuck-deals:
    says: read open deals and count their age
    needs:
      - resource: crm.deals
        actions: [read]
      - {resource: crm.sandbox_contacts, actions: [write, read]}
    egress: [api.example.com]
  refresh:
    says: nothing but the board
`

const refusal = (text: string) => {
  try {
    parseLeaseholdYaml(text)
  } catch (thrown) {
    if (isProblem(thrown)) return thrown
    throw thrown
  }
  throw new Error('it was read')
}

describe('leasehold.yaml', () => {
  it('says what each purpose needs; order and comments change nothing, content does', () => {
    const read = parseLeaseholdYaml(good)
    expect(read).toMatchObject({
      app: 'deal-desk',
      says: { 'stuck-deals': 'read open deals and count their age' },
      purposes: [
        { name: 'refresh', needs: [], egress: [] },
        {
          name: 'stuck-deals',
          needs: [
            { resource: 'crm.deals', actions: ['read'] },
            { resource: 'crm.sandbox_contacts', actions: ['read', 'write'] },
          ],
          egress: ['api.example.com'],
        },
      ],
    })
    expect(JSON.stringify(read.purposes)).not.toContain('count their age')
    expect(parseLeaseholdYaml(good.replace('# the only', '# another')).digest).toBe(read.digest)
    expect(parseLeaseholdYaml(good.replace('[read]', '[write]')).digest).not.toBe(read.digest)
  })

  it('of a template says so beside its purposes, and is another file without it', () => {
    const made = parseLeaseholdYaml(`template: web 1.0.0\n${good}`)
    const plain = parseLeaseholdYaml(good)
    expect(made.says).toEqual({ ...plain.says, '': 'web 1.0.0' })
    expect(made.purposes).toEqual(plain.purposes)
    expect(made.digest).not.toBe(plain.digest)
    expect(Object.keys(plain.says)).not.toContain('')
  })

  it('asked for twice is once', () => {
    const twice = good.replace(
      '    egress:',
      '      - {resource: crm.deals, actions: [write, read]}\n    egress:',
    )
    expect(parseLeaseholdYaml(twice).purposes[1]?.needs[0]).toEqual({
      resource: 'crm.deals',
      actions: ['read', 'write'],
    })
  })

  it.each([
    ['an unknown key', 'needs:', 'need:', 8, '/purposes/stuck-deals/need', '`need` is not a key'],
    ['an unknown key at the top', 'owner:', 'boss:', 4, '/boss', '`boss` is not a key here'],
    [
      'an unknown action',
      '[read]',
      '[read, fly]',
      10,
      '/purposes/stuck-deals/needs/0/actions/1',
      '1',
    ],
    [
      'a resource nobody can have',
      'crm.deals',
      'CRM',
      9,
      '/purposes/stuck-deals/needs/0/resource',
      'resource',
    ],
    ['no actions', '[read]', '[]', 10, '/purposes/stuck-deals/needs/0/actions', 'actions'],
    [
      'a purpose that is no name',
      'stuck-deals:',
      'Stuck Deals:',
      6,
      '/purposes/Stuck Deals',
      'not a name',
    ],
    [
      'a host that is no host',
      'api.example.com',
      'https://x',
      12,
      '/purposes/stuck-deals/egress/0',
      '0',
    ],
    ['an app that is no name', 'deal-desk', 'Deal Desk', 2, '/app', 'app'],
    ['a key twice', 'refresh:', 'stuck-deals:', 13, '/', '`stuck-deals` occurs twice'],
    ['an anchor', 'says: board', 'says: &a board', 3, '/', 'Anchors'],
    ['an alias', 'Maya Ortiz', '*a', 4, '/', ''],
    ['a tag', 'says: board', 'says: !!binary board', 3, '/', ''],
    ['a made-up tag', 'says: board', 'says: !run board', 3, '/', ''],
    ['a merge', 'owner:', '<<: {a: 1}\nowner:', 4, '/<<', 'not a key'],
    ['a second document', 'purposes:', '---\npurposes:', 5, '/', 'documents'],
    ['broken YAML', 'purposes:', 'purposes: [', 7, '/', ''],
    ['a dangerous key', 'owner:', '__proto__:', 4, '/__proto__', 'not a key'],
  ])('refuses %s, at its line', (_what, from, to, line, field, words) => {
    const refused = refusal(good.replace(from, to))
    expect(refused.code).toBe('invalid-field')
    expect(refused.detail).toContain(words)
    expect(refused.next).toContain('docs/leasehold.schema.json')
    expect(refused.field).toBe(field)
    expect(refused.detail.startsWith(`leasehold.yaml, line ${line}: `)).toBe(true)
  })

  it('refuses no purpose, too many, a missing part, and what is no map at all', () => {
    expect(refusal('app: deal-desk\npurposes: {}\n').field).toBe('/purposes')
    const many = Array.from({ length: 21 }, (_, i) => `  p${i}: {says: x}`).join('\n')
    expect(refusal(`app: deal-desk\npurposes:\n${many}\n`).field).toBe('/purposes')
    expect(refusal('app: deal-desk\n').field).toBe('/purposes')
    for (const text of ['', 'hello', '- a', 'null', '\u0000']) expect(refusal(text)).toBeTruthy()
  })

  it('refuses what would cost too much before it is read', () => {
    expect(refusal(`# ${'x'.repeat(bounds.manifestBytes)}`).code).toBe('too-large')
    // These end a process that hands them to the YAML library.
    expect(refusal(`${'- '.repeat(4000)}a`).detail).toContain('indented')
    expect(refusal(`${' '.repeat(6000)}a: 1`).detail).toContain('indented')
    expect(refusal(`a:\n${'? '.repeat(4000)}`).detail).toContain('indented')
    const bombs = [
      `a: ${'['.repeat(8000)}`,
      `a: ${'{a: '.repeat(3900)}`,
      `{${Array.from({ length: 1500 }, (_, i) => `k${i}: 1`).join(', ')}}`,
      Array.from({ length: 1000 }, (_, i) => `k${i}: &a${i} 1`).join('\n'),
      '---\n'.repeat(4000),
      'a: &a [x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n',
    ]
    for (const bomb of bombs) {
      const start = performance.now()
      expect(refusal(bomb).code).toBe('invalid-field')
      expect(performance.now() - start).toBeLessThan(3_000)
    }
  })

  it('is read or refused, whatever it says', () => {
    const pieces =
      'a app : - ? [ ] { } &a *a ! | > " # , % --- << \\ \u0000 \u202e \ud800 1e999'.split(' ')
    const piece = fc.constantFrom(...pieces, ' ', '\n', '\t', "'")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), list => {
        expect(isProblem(refusal(list.join('')))).toBe(true)
      }),
      { numRuns: 1_500 },
    )
  })
})

it('the published JSON Schema is the one this code reads by', () => {
  const path = join(import.meta.dirname, '../../../docs/leasehold.schema.json')
  const text = `${JSON.stringify(manifestSchema, null, 2)}\n`
  if (process.env['LEASEHOLD_WRITE_DOCS'] === '1') writeFileSync(path, text)
  expect(readFileSync(path, 'utf8')).toBe(text)
})
