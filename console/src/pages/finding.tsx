/** One finding: what needs a person, and the answer they give. */
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { Field, FormButton } from '../parts/act.tsx'
import { AppLink, Empty, Facts, Panel, Read, State, Title, When } from '../parts/show.tsx'
import { localTimes } from '../time.ts'
import { type List, useAct, useApps, useRead } from '../use.ts'

export function FindingPage() {
  const id = usePart('id')
  const findings = useRead<List<api.FindingView>>('/v1/findings')
  return (
    <Read from={findings} what={id}>
      {({ items }) => {
        const finding = items.find(each => each.shortId === id || each.id === id)
        if (finding !== undefined) return <Finding of={finding} />
        return (
          <>
            <Title>{id}</Title>
            <Empty>
              It is open no more, or was never yours to see. Its entries are in the log.
            </Empty>
          </>
        )
      }}
    </Read>
  )
}

function Finding({ of }: { of: api.FindingView }) {
  const apps = useApps().data?.items ?? []
  const app = apps.find(each => each.slug === of.about)
  const act = useAct((body: { answer: string }) => post(`/v1/findings/${of.id}/answer`, body))
  const details = Object.entries(of.details)
  return (
    <>
      <Title
        aside={
          <FormButton
            name="Answer…"
            title={`Answer ${of.shortId}`}
            act={act}
            tone="first"
            send={({ answer = '' }) => act.mutate({ answer })}
          >
            <p>
              It is closed with your words. What it tells of is not changed by them: where it stays,
              it is found again.
            </p>
            <Field name="answer" label="What was done?" required />
          </FormButton>
        }
      >
        {of.shortId} <State of={of.severity} />
      </Title>
      <p className="lead">{localTimes(of.says)}</p>
      <Facts
        of={[
          ['Kind', of.kind],
          ['About', app === undefined ? of.about : <AppLink key="app" slug={app.slug} />],
          ['Whose', of.owner ?? 'those with a role'],
          ['Since', <When key="at" at={of.madeAt} />],
        ]}
      />
      {details.length > 0 && (
        <Panel title="Facts">
          <Facts of={details.map(([name, value]) => [name, textOf(value)] as const)} />
        </Panel>
      )}
    </>
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? localTimes(value) : JSON.stringify(value)
}
