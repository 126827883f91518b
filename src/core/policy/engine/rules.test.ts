import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  randomCall,
  randomPolicy,
  randomSchema,
  seeded,
} from '../../../../test/support/random-policies.ts'
import { coversAction, type EngineCall, parsePolicy } from './cedar.ts'
import { type Frame, readCall } from './frame.ts'
import { compileRule, isInScope, type Rule } from './rule.ts'
import { Rules } from './rules.ts'
import { readTypes } from './types.ts'
import { entityKey } from './value.ts'

const types = readTypes(randomSchema)

function rulesOf(texts: readonly string[]): Rule[] {
  return texts.map((text, place) => compileRule(`p${place}`, parsePolicy(text)))
}

function frameOf(call: EngineCall): Frame {
  const frame = readCall(types, call)
  if (frame === undefined) throw new Error('the question does not fit')
  return frame
}

/** Ids in order, each as often as it was called for. */
function found(rules: readonly Rule[], frame: Frame): string[] {
  const ids: string[] = []
  new Rules(types, rules).each(frame, rule => ids.push(rule.id))
  return ids.toSorted()
}

describe('the index', () => {
  it('finds each policy whose scope holds, once, and no other', () => {
    let several = 0
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), seed => {
        const random = seeded(seed)
        const rules = rulesOf(Array.from({ length: 60 }, () => randomPolicy(random)))
        for (let n = 0; n < 10; n++) {
          const frame = frameOf(randomCall(random))
          const { ref, groups } = frame.action
          const holding = rules.filter(
            rule =>
              coversAction(rule.action, entityKey(ref.type, ref.id), groups) &&
              isInScope(rule.principal, frame.principal, frame) &&
              isInScope(rule.resource, frame.resource, frame),
          )
          if (holding.length > 10) several++
          expect(found(rules, frame)).toEqual(holding.map(({ id }) => id).toSorted())
        }
      }),
      { numRuns: 60 },
    )
    expect(several).toBeGreaterThan(50)
  })

  const person = { type: 'Person', id: 'a' }
  const team = (id: string) => ({ type: 'Team', id })
  const call: EngineCall = {
    ...randomCall(seeded(1)),
    principal: person,
    action: { type: 'Action', id: 'read' },
    resource: { type: 'Folder', id: 'f' },
    entities: [
      { uid: team('low'), attrs: {}, parents: [team('high')] },
      { uid: team('high'), attrs: {}, parents: [{ type: 'Org', id: 'acme' }] },
      {
        uid: person,
        attrs: {
          name: 'a',
          age: 1,
          roles: [],
          living: true,
          since: '2026-01-01',
          score: '1.0',
          spent: '1s',
          home: '::1',
          org: { type: 'Org', id: 'acme' },
          inner: { a: 1 },
        },
        parents: [team('low')],
      },
    ],
  }

  it.each([
    ['principal == Person::"a", action, resource', true],
    ['principal == Person::"b", action, resource', false],
    ['principal in Person::"a", action, resource', true],
    ['principal in Team::"low", action, resource', true],
    ['principal in Team::"high", action, resource', true],
    ['principal in Org::"acme", action, resource', true],
    ['principal in Org::"other", action, resource', false],
    ['principal is Person in Team::"high", action, resource', true],
    ['principal is Team in Team::"high", action, resource', false],
    ['principal in Folder::"f", action, resource', false],
    ['principal, action in Action::"all", resource', true],
    ['principal, action == Action::"all", resource', false],
    ['principal, action in [Action::"write", Action::"look"], resource', true],
    ['principal, action == Action::"list", resource', false],
    ['principal in Team::"low", action, resource == Folder::"f"', true],
    ['principal in Team::"low", action, resource == Folder::"g"', false],
    ['principal, action, resource in Folder::"f"', true],
    ['principal, action, resource is Doc', false],
  ])('%s: %s', (scope, wanted) => {
    const rules = rulesOf([`permit (${scope});`])
    expect(found(rules, frameOf(call))).toEqual(wanted ? ['p0'] : [])
  })

  it('what somebody is in counts only where the question says so', () => {
    const rules = rulesOf(['permit (principal in Team::"low", action, resource);'])
    expect(found(rules, frameOf({ ...call, entities: [] }))).toEqual([])
  })
})
