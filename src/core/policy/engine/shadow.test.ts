import { expect, it } from 'vitest'
import type { EngineAnswer } from './cedar.ts'
import { compareEngines, differencesOf } from './shadow.ts'

const yes: EngineAnswer = { allowed: true, rules: ['a', 'b'], errors: ['c: it errs'] }

it.each<[string, Partial<EngineAnswer>, string[]]>([
  ['nothing', {}, []],
  ['the order', { rules: ['b', 'a'] }, []],
  ['how an error is worded', { errors: ['c: cannot be evaluated: really'] }, []],
  ['the decision', { allowed: false }, ['decision']],
  ['a reason too few', { rules: ['a'] }, ['reasons']],
  ['another reason', { rules: ['a', 'c'] }, ['reasons']],
  ['another policy that erred', { errors: ['d: it errs'] }, ['errors']],
  ['one more that erred', { errors: ['c: it errs', 'd: it errs'] }, ['errors']],
  ['none that erred', { errors: [] }, ['errors']],
  ['a refusal instead', { errors: ['the question does not fit'] }, ['errors']],
  ['everything', { allowed: false, rules: [], errors: [] }, ['decision', 'reasons', 'errors']],
])('where they differ in %s', (_, change, wanted) => {
  expect(differencesOf(yes, { ...yes, ...change })).toEqual(wanted)
})

it('two refusals are the same, whatever each says', () => {
  const refused = (...errors: string[]) => ({ allowed: false, rules: [], errors })
  expect(differencesOf(refused('no such action'), refused('a', 'b'))).toEqual([])
  expect(differencesOf(refused('no such action'), refused())).toEqual(['errors'])
})

it('asks both the same question and keeps both answers', () => {
  const asked: unknown[] = []
  const engine = (allowed: boolean) => ({
    ask(call: unknown) {
      asked.push(call)
      return { ...yes, allowed }
    },
  })
  const call = { principal: 1 } as never
  expect(compareEngines(engine(true), engine(false), call)).toMatchObject({
    differs: ['decision'],
    answers: [{ allowed: true }, { allowed: false }],
  })
  expect(asked).toEqual([call, call])
})
