/** The kit as tests: what a connector's own test file calls. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cases } from './cases.ts'
import { type KitFixture, reasonNot } from './kit.ts'

export function targetKit(name: string, makeTarget: () => Promise<KitFixture>): void {
  describe(`the target ${name}`, () => {
    let fixture: KitFixture | undefined
    beforeAll(async () => {
      fixture = await makeTarget()
    })
    afterAll(() => fixture?.close())
    const get = () => {
      if (fixture === undefined) throw new Error('the fixture was not made')
      return fixture
    }
    test.for(cases)('$name', async (one, { skip }) => {
      const why = reasonNot(get(), one)
      if (why !== undefined) return skip(why)
      await expect(one.run(get())).resolves.toBeUndefined()
    })

    test('says of no case that there is none of why it does not apply', () => {
      const names = cases.map(one => one.name)
      const said = Object.keys(get().notApplicable)
      expect(said.filter(name => !names.includes(name))).toEqual([])
    })
  })
}
