/** One decision: what was asked, what was answered, by which rules and on which facts. */
import { Link } from '@tanstack/react-router'
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { DenialBox } from '../parts/denial.tsx'
import { AppLink, Facts, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { useReadOnce } from '../use.ts'

export function DecisionPage() {
  const id = usePart('id')
  const decision = useReadOnce<api.DecisionView>(`/v1/decisions/${encodeURIComponent(id)}`)
  return (
    <Read from={decision} what={id}>
      {seen => <Decision of={seen} />}
    </Read>
  )
}

function Decision({ of }: { of: api.DecisionView }) {
  return (
    <>
      <Title>
        {of.shortId} <State of={of.effect} />
      </Title>
      <p className="lead">{of.what}</p>
      {of.denial !== null && (
        <Panel title="Why">
          <DenialBox of={of.denial} />
        </Panel>
      )}
      <Facts
        of={[
          ['App', <AppLink key="app" slug={of.app} />],
          ['Decided', <When key="at" at={of.at} />],
          ['Rules', of.rules.join(', ') || 'none allows it'],
          ['Facts were', `${of.ageMs} ms old`],
          [
            'At entry',
            <Link key="entry" to="/log/$position" params={{ position: String(of.position) }}>
              #{of.position}
            </Link>,
          ],
          ['Policy', <code key="bundle">{of.bundle.slice(0, 16)}…</code>],
          ['Hash of the record', <code key="hash">{of.hash.slice(0, 16)}…</code>],
        ]}
      />
      <Panel title="The record, as it is in the log">
        <pre>{pretty(of.record)}</pre>
      </Panel>
    </>
  )
}

function pretty(record: string): string {
  try {
    return JSON.stringify(JSON.parse(record), null, 2)
  } catch {
    return record
  }
}
