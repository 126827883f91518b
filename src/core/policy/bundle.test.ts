import { schemaToJson } from '@cedar-policy/cedar-wasm/nodejs'
import { describe, expect, it } from 'vitest'
import { actionNames, dataActions } from '../base/permit.ts'
import { isProblem } from '../base/problem.ts'
import { type BundleText, openBundle, readShipped, renewText, withFile } from './bundle.ts'
import { thingTypes } from './question.ts'

const shipped = readShipped()

function rule(id: string, more = ''): string {
  return `@id("${id}")\n@says("A sentence.")\nforbid (principal, action, resource)${more};\n`
}

function faultOf(run: () => unknown): string {
  try {
    run()
  } catch (thrown) {
    if (isProblem(thrown, 'invalid-field')) return thrown.detail
    throw thrown
  }
  return 'none'
}

describe('the schema', () => {
  const answer = schemaToJson(shipped.schema)
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
  const { actions, entityTypes } = answer.json[''] ?? { actions: {}, entityTypes: {} }

  it('has one action for each thing that can be decided, and no other', () => {
    const groups = ['gain', 'narrow', 'look', 'govern', 'data']
    const named = Object.keys(actions).filter(each => !groups.includes(each))
    expect(named.toSorted()).toEqual([...actionNames, ...dataActions].toSorted())
  })

  it('puts every action that can be decided into a group', () => {
    const alone = Object.entries(actions).filter(
      ([name, action]) => name.includes('.') && (action.memberOf ?? []).length === 0,
    )
    expect(alone).toEqual([])
  })

  it('has a type for everything a question may be about', () => {
    for (const type of Object.values(thingTypes)) expect(Object.keys(entityTypes)).toContain(type)
  })
})

describe('a bundle', () => {
  it('opens as it came, with an id, a sentence and an owner for each rule', () => {
    const bundle = openBundle(shipped)
    expect(bundle.hash).toMatch(/^[0-9a-f]{64}$/)
    const poor = [...bundle.rules.values()].filter(
      each =>
        !/^[A-Z].*\.$/.test(each.says) || !['security', 'platform', 'data'].includes(each.owner),
    )
    expect(poor).toEqual([])
  })

  it('has another hash when one character of a rule is another', () => {
    const [first, ...rest] = shipped.files
    if (first === undefined) throw new Error('there are files')
    const other: BundleText = {
      ...shipped,
      files: [{ ...first, text: `${first.text}\n` }, ...rest],
    }
    expect(openBundle(other).hash).not.toBe(openBundle(shipped).hash)
  })
})

describe('a faulty file does not open, and says where', () => {
  it.each([
    ['what is no policy', 'permit principal;', 'line 1'],
    [
      'a policy without a name',
      '\n\npermit (principal, action, resource);',
      'line 3: a policy needs',
    ],
    [
      'a policy without a sentence',
      '@id("no-sentence")\npermit (principal, action, resource);',
      'line 1',
    ],
    [
      'a name with a capital',
      '@id("Name")\n@says("x")\npermit (principal, action, resource);',
      'line 1',
    ],
    ['a fact that is not there', rule('my-rule', '\nwhen { context.weather == "rain" }'), 'line 4'],
    [
      'a name that is taken',
      `// é\n${rule('hold')}`,
      'line 2: `hold` is a rule of guardrails/always.cedar',
    ],
    [
      'an action that is not there',
      rule('my-rule').replace('action,', 'action == Action::"fly",'),
      'line',
    ],
    ['a forbid that looks at the grant', rule('my-rule', ' when { context has grant }'), 'line 1'],
    [
      'one that does so inside',
      rule('my-rule')
        .replace(', action,', ', action in Action::"data",')
        .replace(';', '\nunless { context has grant && context.grant.columns > 3 };'),
      'what forbids can not look at the grant',
    ],
    ['a template', 'permit (principal == ?principal, action, resource);', 'templates'],
  ])('%s', (_, text, says) => {
    expect(faultOf(() => openBundle(withFile(shipped, text)))).toContain(says)
  })

  it('an action by another spelling is no action', () => {
    for (const name of ['Read', 'READ', 'read ', 'ｒead']) {
      const text = rule('my-rule').replace('action,', `action == Action::"${name}",`)
      expect(faultOf(() => openBundle(withFile(shipped, text)))).not.toBe('none')
    }
  })
})

describe("a company's file", () => {
  it('is added to what there is', () => {
    const text = withFile(shipped, rule('my-rule'))
    expect(text.files).toHaveLength(shipped.files.length + 1)
    expect(openBundle(text).rules.get('my-rule')).toMatchObject({
      file: 'company/my-rule.cedar',
      line: 1,
    })
  })

  it('takes the place of its earlier version', () => {
    const first = withFile(shipped, rule('my-rule'))
    const second = withFile(first, rule('my-rule', ' when { context.holds > 9 }'))
    expect(second.files).toHaveLength(first.files.length)
  })

  it('takes the place of a file it names, and of none that is not there', () => {
    const text = withFile(shipped, `// replaces: guardrails/work.cedar\n${rule('my-work')}`)
    const { rules } = openBundle(text)
    expect(rules.has('begin-work')).toBe(false)
    expect(rules.has('my-work')).toBe(true)
    expect(faultOf(() => withFile(shipped, `\n// replaces: guardrails/none.cedar\n`))).toContain(
      'line 2',
    )
  })

  it('stays when the program brings other rules, which come in', () => {
    const held = withFile(shipped, `// replaces: guardrails/work.cedar\n${rule('my-work')}`)
    const newer = {
      ...shipped,
      files: [
        ...shipped.files,
        { name: 'guardrails/x.cedar', by: 'product' as const, text: rule('newer') },
      ],
    }
    const { rules } = openBundle(renewText(newer, held))
    expect([...rules.keys()]).toEqual(expect.arrayContaining(['newer', 'my-work', 'hold']))
    expect(rules.has('begin-work')).toBe(false)
    expect(renewText(shipped, null)).toEqual(shipped)
  })
})
