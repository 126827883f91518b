/**
 * Ending works when the disk is full. Room is kept in the database; work on the `ending` connections
 * that finds none gives that room up and runs again, and from then on everything else is refused
 * until the room can be kept again.
 */
import { isNoRoom, noRoom } from './fault.ts'
import type { Store } from './store.ts'

/** The room is first kept, and kept again, by `tend`. Other replicas learn of its loss there too. */
export function withReserve(store: Store): Store {
  let isSpent = false

  const orSpend = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run()
    } catch (thrown) {
      if (!isNoRoom(thrown)) throw thrown
      isSpent = true
      await store.ending.query('select spend_reserve()')
      return run()
    }
  }

  const lane = store.ending
  return {
    ...store,
    async transact(work, options) {
      if (isSpent && options?.readOnly !== true) throw noRoom
      return store.transact(work, options)
    },
    ending: {
      ...lane,
      query: (text, params) => orSpend(() => lane.query(text, params)),
      transact: (work, options) => orSpend(() => lane.transact(work, options)),
    },
    async tend() {
      await store.tend()
      const [room] = await lane.query<{ isKept: boolean }>('select keep_reserve() as "isKept"')
      isSpent = room?.isKept !== true
    },
  }
}
