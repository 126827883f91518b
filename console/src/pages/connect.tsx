/** Connect: which systems, and do they do what a target must? */
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { Progress } from '../parts/act.tsx'
import { Empty, Panel, ProblemBox, Read, State, Title, Until, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { type List, useAct, useRead } from '../use.ts'

export function ConnectPage() {
  const targets = useRead<List<api.TargetView>>('/v1/targets')
  const resources = useRead<List<api.ResourceView>>('/v1/resources')
  const doctor = useRead<api.DoctorView>('/v1/doctor')
  return (
    <>
      <Title>Connect</Title>
      <Read from={targets} what="targets">
        {({ items }) =>
          items.length === 0 ? (
            <Panel title="Targets">
              <Empty>
                No system is connected. <code>./lh connect postgres …</code> connects one and plays
                its preflight.
              </Empty>
            </Panel>
          ) : (
            <ul className="targets">
              {items.map(target => (
                <li key={target.id}>
                  <Target of={target} />
                </li>
              ))}
            </ul>
          )
        }
      </Read>
      <Panel title="Resources">
        <Read from={resources} what="resources">
          {({ items }) => <Resources of={items} />}
        </Read>
      </Panel>
      <Panel title="Leasehold itself">
        <Read from={doctor} what="its health">
          {({ checks }) => (
            <Table
              name="Health"
              rows={checks}
              keyOf={check => check.name}
              columns={[
                { name: 'Check', cell: check => <strong>{check.name}</strong> },
                {
                  name: 'State',
                  cell: check => (
                    <State
                      of={check.ok ? 'passed' : 'failed'}
                      word={check.ok ? 'well' : 'not well'}
                    />
                  ),
                },
                { name: 'Says', cell: check => check.says },
                { name: 'Next', cell: check => check.next ?? '' },
              ]}
            />
          )}
        </Read>
      </Panel>
    </>
  )
}

function Target({ of }: { of: api.TargetView }) {
  const path = `/v1/targets/${encodeURIComponent(of.slug)}/preflight`
  const test = useAct(() => post<api.TargetView>(path))
  return (
    <section className="target" aria-label={of.slug}>
      <h2>
        {of.slug} <State of={of.preflightState} />
      </h2>
      <p className="muted">
        {of.connector} · {of.production ? 'production' : 'not production'} · owner {of.owner}
      </p>
      <p>
        <code>{of.address}</code>
      </p>
      <p>
        Preflight: <When at={of.preflightAt} />
      </p>
      <p>
        Our own access ends <Until at={of.adminEndsAt} />
      </p>
      <div className="buttons">
        <button
          type="button"
          className="second"
          disabled={test.status === 'pending'}
          onClick={() => test.mutate()}
        >
          Test {of.slug}
        </button>
        <Progress of={test} />
      </div>
      {test.error !== null && <ProblemBox of={test.error} />}
      {test.data?.preflightSteps !== undefined && (
        <ol className="steps">
          {test.data.preflightSteps.map(step => (
            <li key={step.name}>
              <State of={step.ok ? 'passed' : 'failed'} word={step.name} />
              {step.detail !== undefined && <span className="under muted">{step.detail}</span>}
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

function Resources({ of }: { of: readonly api.ResourceView[] }) {
  if (of.length === 0)
    return (
      <Empty>
        Nothing at a target has a name yet. <code>./lh resource define …</code>
      </Empty>
    )
  return (
    <Table
      name="Resources"
      rows={of}
      keyOf={resource => resource.id}
      columns={[
        { name: 'Resource', cell: each => <strong>{each.slug}</strong> },
        { name: 'Target', cell: each => each.target },
        { name: 'Data', cell: each => each.dataClass },
        { name: 'Data owner', cell: each => each.dataOwner },
        { name: 'Columns', cell: sayColumns },
        {
          name: 'Sandbox',
          cell: each => (each.isSandbox ? 'is one' : (each.sandboxTwin ?? 'none')),
        },
      ]}
    />
  )
}

function sayColumns({ columns }: api.ResourceView): string {
  const hidden = columns.filter(column => column.hidden).length
  return hidden === 0 ? `${columns.length}` : `${columns.length}, ${hidden} hidden`
}
