// What `dev` may have now, and what it says of the rest.
import { expect, test } from 'vitest'
import type { AppDetail } from '../../../src/doors/api/contract.ts'
import * as views from '../test/views.ts'
import { endWarning, planOf } from './plan.ts'

const now = Date.parse('2026-11-22T14:30:00Z')
const needs = [{ resource: 'crm.deals', actions: ['read' as const] }]
const grant = { ...views.grant, state: 'live' as const, roles: ['run'], resource: 'crm.deals' }
const app: AppDetail = {
  ...views.app,
  state: 'active',
  purposes: [{ name: 'board', says: 'Shows stuck deals', needs }],
  grants: [grant],
  requests: [],
}
const plan = (more: Partial<AppDetail>, role = 'run') =>
  planOf({ ...app, ...more }, undefined, role, now)
const request = {
  ...views.request,
  kind: 'grant',
  says: 'Maya Ortiz asks: deal-desk may read crm.deals for 7 d',
}

test('what is agreed to is ready', () => {
  expect(plan({})).toMatchObject({ ready: ['crm.deals:read'], waits: [] })
})

test.each<[string, Partial<AppDetail>, string]>([
  ['dropped', { grants: [{ ...grant, state: 'dropped' }] }, 'run'],
  ['of another resource', { grants: [{ ...grant, resource: 'crm.contacts' }] }, 'run'],
  ['for less', { grants: [{ ...grant, actions: ['write'] }] }, 'run'],
  ['for another role', {}, 'agent'],
  ['of an app that is paused', { state: 'paused' }, 'run'],
])('what is %s is not', (_, more, role) => {
  expect(plan(more, role)).toMatchObject({ ready: [], waits: [{ resource: 'crm.deals' }] })
})

test.each<[string, Partial<AppDetail>, string]>([
  ['nobody was asked', {}, 'nobody was asked yet: leasehold ask crm.deals:read --because "…"'],
  ['somebody was', { requests: [{ ...request, state: 'open' }] }, 'asked Tom Reyes (R-2040F)'],
  [
    'the answer was no',
    {
      requests: [
        {
          ...request,
          state: 'denied',
          answers: [
            { person: 'Tom', at: views.request.madeAt, says: 'no', comment: 'use the copy' },
          ],
        },
      ],
    },
    'Tom said no: use the copy',
  ],
])('where %s that is said', (_, more, says) => {
  expect(plan({ grants: [], ...more }).waits[0]?.says).toBe(says)
})

test('time that passes is no other plan; an answer, an owner and an end are', () => {
  const open = { grants: [], requests: [{ ...request, state: 'open' as const }] }
  const { key } = planOf({ ...app, ...open }, undefined, 'run', now)
  expect(planOf({ ...app, ...open }, undefined, 'run', now + 60_000).key).toBe(key)
  for (const other of [
    { grants: [grant] },
    { ...open, owner: views.tom },
    { ...open, endsAt: 'x' },
  ])
    expect(plan(other).key).not.toBe(key)
})

test('an app with two purposes is asked for which', () => {
  const two = [...app.purposes, { name: 'other', says: '', needs: [] }]
  expect(() => plan({ purposes: two })).toThrow('2 purposes')
  expect(planOf({ ...app, purposes: two }, 'other', 'run', now).ready).toEqual([])
})

test.each([
  [8 * 24, undefined],
  [6 * 24, 7 * 24],
  [23, 24],
  [0.5, 1],
  [-1, undefined],
])('%s hours before its end the warning is that of %s', (hours, mark) => {
  const endsAt = new Date(now + hours * 3_600_000).toISOString()
  const warned = endWarning({ slug: 'x', endsAt }, now)?.mark
  expect(warned).toBe(mark === undefined ? undefined : mark * 3_600_000)
})
