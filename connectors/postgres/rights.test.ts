import { describe, expect, it } from 'vitest'
import type { DataAction } from '../../src/core/base/permit.ts'
import { compareRights, nameRight, rightsPattern, wantedRights } from './rights.ts'

const order = {
  holder: 'lhg_x',
  owner: 'lho_x',
  object: { database: 'crm', schema: 'crm', table: 'deals' },
  actions: ['read'] as DataAction[],
  columns: ['id', 'name'],
}
const frame = ['CONNECT', 'USAGE']
const names = (change: Partial<typeof order>) =>
  wantedRights({ ...order, ...change }).rights.map(nameRight)

describe('which rights a grant means', () => {
  it('bounds reading by the columns that were agreed', () => {
    expect(names({})).toEqual([...frame, 'SELECT (id)', 'SELECT (name)'])
  })

  it('bounds writing by them as well, and knows no columns for deleting', () => {
    expect(names({ actions: ['write'] })).toEqual([
      ...frame,
      'INSERT (id)',
      'INSERT (name)',
      'UPDATE (id)',
      'UPDATE (name)',
    ])
    expect(names({ actions: ['destroy'] })).toEqual([...frame, 'DELETE'])
  })

  it('means the whole table where no columns are named, each right once', () => {
    expect(names({ columns: [], actions: ['read', 'write', 'read'] })).toEqual([
      ...frame,
      'SELECT',
      'INSERT',
      'UPDATE',
    ])
    expect(names({ columns: ['id', 'id'] })).toEqual([...frame, 'SELECT (id)'])
  })

  it('gives nothing on the table where no action is named', () => {
    expect(names({ actions: [], columns: [] })).toEqual(frame)
  })

  it.each(['share-outside', 'spend', 'change-privilege', 'toString'])(
    'refuses %s, for which a table has no right',
    action => {
      expect(() => names({ actions: ['read', action as DataAction] })).toThrow(/invalid-field/)
    },
  )

  it('refuses a column no person could read', () => {
    expect(() => names({ columns: ['a\u200bb'] })).toThrow(/invalid-field/)
  })
})

describe('how rights differ', () => {
  const { rights } = wantedRights(order)

  it('is not at all where they are equal, in any order', () => {
    expect(compareRights(rights, [...rights].reverse())).toEqual({ missing: [], surplus: [] })
  })

  it('is what lacks and what is too much', () => {
    const [connect, ...rest] = rights
    const email = {
      kind: 'table',
      privilege: 'SELECT',
      column: 'email',
      isGrantable: false,
    } as const
    const difference = compareRights(rights, [...rest, email])
    expect(difference).toEqual({ missing: [connect], surplus: [email] })
  })

  it('tells a right on the table from one on a column, and one that may be handed on', () => {
    const whole = { kind: 'table', privilege: 'SELECT', column: null, isGrantable: false } as const
    const onward = rights.map(each => ({ ...each, isGrantable: true }))
    expect(compareRights([whole], rights.slice(2)).missing).toEqual([whole])
    expect(compareRights(rights, onward).surplus).toHaveLength(rights.length)
  })
})

describe('the statements that set rights', () => {
  it('take what is surplus before they give', () => {
    const whole = { kind: 'table', privilege: 'SELECT', column: null, isGrantable: false } as const
    const { pattern } = rightsPattern('lhg_x', wantedRights(order), [whole])
    expect(pattern.split('; ')).toEqual([
      'revoke SELECT on table %I.%I from %I',
      'grant CONNECT on database %I to %I',
      'grant USAGE on schema %I to %I',
      'grant SELECT (%I) on table %I.%I to %I',
      'grant SELECT (%I) on table %I.%I to %I',
    ])
  })

  it('have a hole for each name, so that only the server quotes', () => {
    const hostile = {
      ...order,
      object: { database: 'd"', schema: "s'", table: 't; drop table x' },
      columns: ['c")'],
    }
    const wanted = wantedRights(hostile)
    const { pattern, names: holes } = rightsPattern('lhg_x', wanted, wanted.rights)
    expect(pattern).not.toMatch(/[';"]\s*drop|c"\)|s'|d"/)
    expect(pattern.match(/%I/g)).toHaveLength(holes.length)
    expect(pattern.replaceAll('%I', '')).not.toContain('%')
  })
})
