/** The end of one app, and its proof: the plan before, then each thing with what was seen of it. */
import { useState } from 'react'
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { FormButton } from '../parts/act.tsx'
import { AppLink, Facts, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { Table } from '../parts/table.tsx'
import { useAct, useRead } from '../use.ts'
import { many } from '../words.ts'

export function EndPage() {
  const slug = usePart('app')
  const path = `/v1/apps/${encodeURIComponent(slug)}`
  const app = useRead<api.AppDetail>(path)
  const end = useRead<api.OffboardingView>(`${path}/end`)
  return (
    <Read from={app} what={slug}>
      {detail => (
        <Read from={end} what="the plan of its end">
          {plan => <End app={detail} end={plan} path={path} />}
        </Read>
      )}
    </Read>
  )
}

interface Of {
  readonly app: api.AppDetail
  readonly end: api.OffboardingView
  readonly path: string
}

const heads: Readonly<Record<api.OffboardingView['state'], string>> = {
  planned: 'The end of',
  running: 'Ending',
  'not-green': 'Not proven gone:',
  'verified-gone': 'Ended, with proof:',
}

function End({ app, end, path }: Of) {
  const isPlan = end.state === 'planned'
  return (
    <>
      <Title
        aside={
          isPlan ? <EndButton app={app} end={end} path={path} /> : <Proof of={end} path={path} />
        }
      >
        {heads[end.state]} <AppLink slug={app.slug} /> <State of={end.state} />
      </Title>
      <p className="lead">{sayOf(end)}</p>
      <Facts
        of={[
          ['App', app.purpose],
          ['Owner', app.owner.name],
          ...(end.certifiedAt === null
            ? []
            : [['Certified', <When key="at" at={end.certifiedAt} />] as const]),
          ...(end.nextTryAt === null || end.state === 'verified-gone'
            ? []
            : [['Looked at again', <When key="next" at={end.nextTryAt} />] as const]),
          ['Log', <code key="log">lh trace {app.slug}</code>],
        ]}
      />
      <Systems of={end.systems} />
      <Items of={end} />
    </>
  )
}

function sayOf({ state, green, of, items }: api.OffboardingView): string {
  if (state === 'planned')
    return `This is the plan: ${many(of, 'thing')}, in this order. Nothing is done yet.`
  const left = items.filter(item => !isGreen(item)).length
  const proven = `${green} of ${of} proven gone.`
  if (left === 0 && state === 'verified-gone') return proven
  if (state === 'running') return `${proven} The rest is being looked at.`
  return `${proven} ${many(left, 'thing')} not: it is tried again by itself, and a person is told.`
}

const greens: readonly string[] = ['verified-gone', 'transferred', 'kept']

function isGreen({ state }: api.PlanItem): boolean {
  return greens.includes(state)
}

function EndButton({ app, end, path }: Of) {
  const [typed, setTyped] = useState('')
  // INVARIANT: what is carried out is the plan that was seen; the server refuses any other by its hash.
  const act = useAct((body: { planHash: string }) => post(`${path}/end`, body))
  return (
    <FormButton
      name="End…"
      title={`End ${app.slug} for good`}
      act={act}
      tone="danger"
      verb={`End ${app.slug}`}
      isReady={typed === app.slug}
      send={() => act.mutate({ planHash: end.planHash })}
    >
      <p>
        {many(end.of, 'thing')} at {end.systems.map(({ name }) => name).join(', ')} are taken away
        and looked for, each by two ways of reading. There is no way back.
      </p>
      <ul className="gives">
        {countKinds(end.items).map(line => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p className="field">
        <label htmlFor="typed">
          Type <code>{app.slug}</code>
        </label>
        <input
          id="typed"
          name="typed"
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
      </p>
    </FormButton>
  )
}

function countKinds(items: readonly api.PlanItem[]): string[] {
  const counts = new Map<string, number>()
  for (const { kind } of items) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].map(([kind, count]) => many(count, kind.replaceAll('-', ' '), pluralOf(kind)))
}

function pluralOf(kind: string): string {
  const word = kind.replaceAll('-', ' ')
  return word.endsWith('y') ? `${word.slice(0, -1)}ies` : `${word}s`
}

function Proof({ of, path }: { of: api.OffboardingView; path: string }) {
  if (of.certifiedAt === null)
    return <span className="muted">The certificate is written when all of it was looked for.</span>
  return (
    <a className="button first" href={`${path}/certificate`} download={`${of.app}.end.json`}>
      Download the certificate
    </a>
  )
}

/** Which systems were looked at, and by which ways of reading. */
function Systems({ of }: { of: api.OffboardingView['systems'] }) {
  return (
    <Panel title="Where was it looked for?">
      <Table
        name="Systems"
        rows={of}
        keyOf={system => system.name}
        columns={[
          { name: 'System', cell: system => <strong>{system.name}</strong> },
          {
            name: 'Looked at',
            cell: system => (
              <State
                of={system.looked ? 'passed' : 'never'}
                word={system.looked ? 'looked at' : 'not looked at'}
              />
            ),
          },
          { name: 'By', cell: system => system.paths.join(' · ') || '—' },
          { name: 'Because', cell: system => system.because ?? '' },
        ]}
      />
    </Panel>
  )
}

function Items({ of: { items, state } }: { of: api.OffboardingView }) {
  return (
    <Panel title={state === 'planned' ? 'The plan' : 'Each thing'}>
      <Table
        name="Things of the app"
        rows={items}
        keyOf={item => `${item.kind} ${item.id} ${item.system}`}
        columns={[
          { name: 'Order', cell: item => item.order, isNarrow: true },
          { name: 'Kind', cell: item => item.kind.replaceAll('-', ' ') },
          { name: 'Name', cell: item => <code>{item.name}</code> },
          { name: 'System', cell: item => item.system },
          { name: 'State', cell: item => <State of={item.state} /> },
          {
            name: 'Read back by',
            cell: item => (
              <>
                {item.paths.join(' · ') || '—'}
                {item.because !== null && <span className="under bad">{item.because}</span>}
              </>
            ),
          },
        ]}
      />
    </Panel>
  )
}
