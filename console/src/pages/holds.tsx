/** Holds: what is stopped, by whom, and why? */
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { Field, FormButton } from '../parts/act.tsx'
import { LiftButton } from '../parts/lift.tsx'
import { Empty, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { type List, useAct, useRead } from '../use.ts'

const scopes = ['app', 'person', 'identity', 'task', 'tool', 'issuer', 'day', 'everything'] as const

export function HoldsPage() {
  const holds = useRead<List<api.HoldView>>('/v1/holds')
  return (
    <>
      <Title aside={<SetHold />}>Holds</Title>
      <p className="muted">
        An order to stop: nothing new is issued, and live access stops within seconds. It can be
        lifted.
      </p>
      <Panel title="Held now">
        <Read from={holds} what="holds">
          {({ items }) =>
            items.length === 0 ? (
              <Empty>Nothing is held.</Empty>
            ) : (
              <Table
                name="Holds"
                rows={items}
                keyOf={hold => hold.id}
                columns={[
                  { name: 'What', is: 'words', cell: hold => <strong>{hold.about}</strong> },
                  { name: 'Scope', cell: hold => hold.scope },
                  { name: 'State', cell: hold => <State of={hold.state} /> },
                  { name: 'Why', is: 'words', cell: hold => hold.reason },
                  { name: 'By', cell: hold => hold.setBy },
                  { name: 'Since', cell: hold => <When at={hold.madeAt} /> },
                  { name: 'Lift', cell: hold => <LiftButton of={hold} /> },
                ]}
              />
            )
          }
        </Read>
      </Panel>
    </>
  )
}

function SetHold() {
  const act = useAct((body: { scope: string; about?: string; reason: string }) =>
    post('/v1/holds', body),
  )
  return (
    <FormButton
      name="Hold…"
      title="Set a hold"
      act={act}
      tone="danger"
      verb="Stop it"
      send={({ scope = '', about = '', reason = '' }) =>
        act.mutate({ scope, reason, ...(about === '' ? {} : { about }) })
      }
    >
      <p className="field">
        <label htmlFor="scope">What kind of thing?</label>
        <select id="scope" name="scope">
          {scopes.map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </p>
      <Field
        name="about"
        label="Which one?"
        hint="Its name or id. Of everything: leave it empty."
      />
      <Field name="reason" label="Why?" required />
    </FormButton>
  )
}
