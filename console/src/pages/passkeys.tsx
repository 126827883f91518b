/** Your passkeys: what your yes is given with, once you have one. */
import type * as api from '../api.ts'
import { FormButton } from '../parts/act.tsx'
import { Read, Title, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { addPasskey } from '../passkeys.ts'
import { type List, useAct, useRead } from '../use.ts'

export function PasskeysPage() {
  const passkeys = useRead<List<api.PasskeyView>>('/v1/passkeys')
  return (
    <>
      <Title>Your passkeys</Title>
      <p>
        Once you have one, every yes of yours is given with it. A program that has your sign-in can
        then ask for much, and agree to nothing.
      </p>
      <Read from={passkeys} what="your passkeys">
        {({ items }) => <Passkeys items={items} />}
      </Read>
    </>
  )
}

function Passkeys({ items }: { items: readonly api.PasskeyView[] }) {
  const add = useAct(addPasskey)
  return (
    <>
      <div className="buttons">
        <FormButton
          name="Add a passkey…"
          title="Add a passkey"
          act={add}
          tone="first"
          send={() => add.mutate(undefined)}
        >
          <p>Your browser asks which device keeps it, and that you unlock it.</p>
          {items.length > 0 && <p>First it asks for one you have, which agrees.</p>}
          <p className="muted hint">
            If you lose it, another person with the role platform takes it away.
          </p>
        </FormButton>
      </div>
      {items.length === 0 ? (
        <p className="muted">○ None yet.</p>
      ) : (
        <Table
          name="Your passkeys"
          rows={items}
          keyOf={({ id }) => id}
          columns={[
            { name: 'Passkey', cell: ({ id }) => <code>{id.slice(0, 12)}…</code> },
            { name: 'Added', cell: ({ madeAt }) => <When at={madeAt} /> },
          ]}
        />
      )}
    </>
  )
}
