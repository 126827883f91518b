import { describe, expect, it } from 'vitest'
import type { DataAction } from '../../src/core/base/permit.ts'
import { changeText, compareRights, type Found, wantedRights } from './rights.ts'

const object = { database: 'crm', table: 'deals' }
const want = (actions: DataAction[], columns: string[] = []) =>
  wantedRights({ object, actions, columns })
const found = (change: Partial<Found>): Found => ({
  kind: 'table',
  place: 'crm',
  name: 'deals',
  column: '',
  privileges: 'Select',
  ...change,
})

describe('what a grant means', () => {
  it('is bounded by its columns, where the server knows columns', () => {
    expect(want(['read', 'write', 'destroy'], ['id', 'id', 'name']).rights).toEqual([
      { privilege: 'select', column: 'id' },
      { privilege: 'select', column: 'name' },
      { privilege: 'insert', column: 'id' },
      { privilege: 'insert', column: 'name' },
      { privilege: 'update', column: 'id' },
      { privilege: 'update', column: 'name' },
      { privilege: 'delete', column: '' },
    ])
    expect(want(['read']).rights).toEqual([{ privilege: 'select', column: '' }])
  })

  it('is refused where a table has no such right, and never rounded up', () => {
    for (const action of ['share-outside', 'spend', 'change-privilege'] as const)
      expect(() => want(['read', action])).toThrow(action)
    expect(() => want(['read'], ['a\u0000'])).toThrow('columns')
  })
})

describe('what is there', () => {
  const wanted = want(['read'], ['id'])

  it('is as wanted', () => {
    const same = [found({ kind: 'column', column: 'id' })]
    expect(compareRights(wanted, same)).toEqual({ missing: [], surplus: [], strange: [] })
  })

  it('is taken away where it is on this table and of our kind', () => {
    const more = [
      found({ kind: 'column', column: 'id' }),
      found({ kind: 'column', column: 'email', privileges: 'Select,Update' }),
      found({ privileges: 'Delete' }),
    ]
    const { missing, surplus, strange } = compareRights(wanted, more)
    expect({ missing, strange }).toEqual({ missing: [], strange: [] })
    expect(changeText('lhg_x', wanted, surplus)).toBe(
      'revoke select (`email`) on `crm`.`deals` from `lhg_x`; ' +
        'revoke update (`email`) on `crm`.`deals` from `lhg_x`; ' +
        'revoke delete on `crm`.`deals` from `lhg_x`; ' +
        'grant select (`id`) on `crm`.`deals` to `lhg_x`;',
    )
  })

  it('is named where it is anywhere else, or of another kind', () => {
    const { strange, surplus } = compareRights(wanted, [
      found({ name: 'contacts' }),
      found({ place: 'CRM' }),
      found({ privileges: 'Grant' }),
      found({ kind: 'other', name: '', privileges: 'rights on a database' }),
      found({ kind: 'other', place: 'admins', name: '', privileges: 'member of' }),
    ])
    expect(surplus).toEqual([])
    expect(strange).toEqual([
      'select crm contacts',
      'select CRM deals',
      'grant crm deals',
      'rights on a database crm',
      'member of admins',
    ])
  })

  it('never lets a name out of its back-ticks', () => {
    const hostile = wantedRights({
      object: { database: 'a`b', table: 'c``d' },
      actions: ['read'],
      columns: ['e`) on *.* to root; --'],
    })
    expect(changeText('lhg_x', hostile, [])).toBe(
      'grant select (`e``) on *.* to root; --`) on `a``b`.`c````d` to `lhg_x`;',
    )
  })
})
