import { describe, expect, it } from 'vitest'
import { actionNames, dataActions } from '../../core/base/permit.ts'
import { type Bundle, openBundle, readShipped } from '../../core/policy/bundle.ts'
import { Engine, parsePolicy, splitPolicies } from '../../core/policy/engine/cedar.ts'
import { checkCases, parseCases, readCases, runCase } from './cases.ts'

const bundle = openBundle(readShipped())
const cases = readCases(bundle)

const policies = bundle.text.files
  .flatMap(file => {
    const parts = splitPolicies(file.text)
    return 'policies' in parts ? parts.policies : []
  })
  .map(text => parsePolicy(text))

/** The bundle without one rule. */
function without(id: string): Bundle {
  const left = policies.filter(policy => policy.annotations.get('id') !== id)
  expect(left).toHaveLength(policies.length - 1)
  const named = new Map(left.map(policy => [policy.annotations.get('id') ?? '', policy]))
  return { ...bundle, engine: new Engine(bundle.text.schema, named) }
}

describe('the guardrails', () => {
  it('do what their cases say', () => {
    expect(checkCases(bundle, cases)).toEqual({
      rules: bundle.rules.size,
      cases: cases.length,
      failed: [],
    })
  })

  it.each([...actionNames, ...dataActions])(
    '%s is allowed to somebody and denied to somebody',
    action => {
      const own = cases.filter(each => each.do === action)
      expect(own.some(each => each.expect.allowed)).toBe(true)
      expect(own.some(each => !each.expect.allowed)).toBe(true)
    },
  )

  it.each([...bundle.rules.keys()])('without %s its cases fail', id => {
    const own = cases.filter(each => each.rule === id)
    const { failed } = checkCases(without(id), own)
    expect(failed.filter(each => each.name !== 'its cases')).not.toEqual([])
  })

  it('every identity is refused everything that governs', () => {
    const govern = actionNames.filter(each => bundle.engine.isIn(each, 'govern'))
    expect(govern.length).toBeGreaterThan(20)
    const passed = govern.flatMap(action =>
      ['build', 'test', 'publish', 'run', 'agent'].filter(who => {
        const { allowed, rules } = runCase(bundle, { who, do: action, with: {} })
        return allowed || !rules.includes('no-self-elevation')
      }),
    )
    expect(passed).toEqual([])
  })

  it('a sweep may nothing but what its own rule names, and never answers', () => {
    const sweeps = ['genesis', 'lease-sweep', 'app-sweep', 'people-sweep', 'offboard', 'sequencer']
    const ours = [...sweeps, 'approval', 'recovery', 'schedule']
    const own = actionNames.filter(
      each => !/^(task.open|token.exchange|lease.(issue|renew))$/.test(each),
    )
    const allowed = ours.flatMap(name =>
      own.flatMap(action => {
        const outcome = runCase(bundle, { who: `sy_${name}`, do: action, with: {} })
        return outcome.allowed ? [{ name, action, rules: outcome.rules }] : []
      }),
    )
    expect(allowed.filter(({ rules }) => !rules.every(rule => rule.startsWith('system-')))).toEqual(
      [],
    )
    expect(
      allowed.filter(({ name, action }) => name === 'sequencer' || action === 'request.answer'),
    ).toEqual([])
    expect(new Set(allowed.map(({ name }) => name)).size).toBe(ours.length - 1)
  })
})

describe('checking cases', () => {
  it('names a case that came out otherwise, with what was expected and what came', () => {
    const wrong = parseCases(
      bundle,
      'prototype-read:\n  reads: { who: run, do: read, with: { grant: null } }',
    )
    const failed = checkCases(bundle, wrong).failed.find(each => each.name === 'reads')
    expect(failed).toEqual({
      rule: 'prototype-read',
      name: 'reads',
      expected: 'permit prototype-read',
      got: 'deny default-deny',
    })
  })

  it('a rule of ours with a yes alone is not checked', () => {
    const half = parseCases(bundle, 'prototype-read:\n  reads: { who: run, do: read }')
    expect(checkCases(bundle, half).failed).toContainEqual({
      rule: 'prototype-read',
      name: 'its cases',
      expected: 'a yes and a no',
      got: 'not both',
    })
  })
})
