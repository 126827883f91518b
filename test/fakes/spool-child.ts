/** A process that keeps decision records one after the other, says each that it was promised, and is killed. */

import { systemClock } from '../../src/core/base/time.ts'
import { Replica } from '../../src/core/ledger/replica.ts'
import { openStore } from '../../src/core/store/open.ts'
import { openSpool } from '../../src/life/records/spool.ts'
import { recordAt } from '../support/records.ts'

const [, , url = '', home = ''] = process.argv
const store = await openStore({ url })
const world = { store, clock: systemClock, replica: new Replica(), poke: () => {} }
const spool = openSpool({ ...world, onFault: () => {} }, home)
await Promise.all(
  Array.from({ length: 4 }, async () => {
    for (;;) {
      const record = recordAt(systemClock.now())
      await spool.keep(record)
      process.send?.(record.id)
    }
  }),
)
