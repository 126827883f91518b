/** One request: do I agree? Exactly the card of the server; an answer is to its hash, and to nothing else. */
import { usePart } from '../address.ts'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { mayAnswer } from '../needs.ts'
import { Field, FormButton } from '../parts/act.tsx'
import { RequestMeanwhile } from '../parts/meanwhile.tsx'
import { AppLink, Facts, Panel, Read, State, Title, Until, When } from '../parts/show.tsx'
import { proofOf } from '../passkeys.ts'
import { localTimes } from '../time.ts'
import { useAct, useMe, useRead } from '../use.ts'

export function RequestPage() {
  const id = usePart('id')
  const request = useRead<api.RequestView>(`/v1/requests/${encodeURIComponent(id)}`)
  return (
    <Read from={request} what={id}>
      {seen => <Card request={seen} />}
    </Read>
  )
}

function Card({ request }: { request: api.RequestView }) {
  return (
    <article className="card">
      <Title>
        {request.shortId} <State of={request.state} />
      </Title>
      <RequestMeanwhile of={request} />
      <p className="asks">{request.says}</p>
      <blockquote>“{request.reason}”</blockquote>
      <Panel title="What a yes gives">
        <ul className="gives">
          {request.gives.map((line, i) => (
            // The card is lines of text, in their order; two may be the same.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={i}>{localTimes(line)}</li>
          ))}
        </ul>
        {request.worst !== null && (
          <p className="worst">
            <span className="wait" aria-hidden="true">
              ▲
            </span>{' '}
            <strong>The worst that can come of it:</strong> {request.worst}
          </p>
        )}
      </Panel>
      <Answer request={request} />
      <Facts
        of={[
          ['App', <AppLink key="app" slug={request.app} />],
          ['Asked by', request.askedBy],
          ['Asked', <When key="at" at={request.madeAt} />],
          ['Open until', <Until key="until" at={request.expiresAt} />],
          ['Who may answer', request.approvers.join(', ')],
          ['Needs', `${request.quorum} yes`],
          ['Hash of what is agreed to', <code key="hash">{request.bodyHash}</code>],
        ]}
      />
      {request.answers.length > 0 && (
        <Panel title="Answers">
          <ul className="gives">
            {request.answers.map(answer => (
              <li key={`${answer.person} ${answer.at}`}>
                <State of={answer.says === 'yes' ? 'agreed' : 'denied'} word={answer.says} />{' '}
                {answer.person}, <When at={answer.at} />
                {answer.comment !== null && <>: “{answer.comment}”</>}
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </article>
  )
}

function Answer({ request }: { request: api.RequestView }) {
  const me = useMe().data?.person
  const { id, bodyHash } = request
  const answer = useAct(async (said: { says: 'yes' | 'no'; comment?: string }) => {
    const proof = said.says === 'yes' ? await proofOf(id) : {}
    return post(`/v1/requests/${id}/answer`, { ...said, bodyHash, ...proof })
  })
  const withdraw = useAct(() => post(`/v1/requests/${id}/withdraw`))
  if (request.state !== 'open' || me === undefined || me === null) return null
  if (request.askedBy === me.name && !mayAnswer(request, me))
    return (
      <div className="buttons">
        <FormButton
          name="Withdraw…"
          title={`Withdraw ${request.shortId}`}
          act={withdraw}
          send={() => withdraw.mutate()}
        >
          <p>Nobody is asked any more. You can ask again.</p>
        </FormButton>
      </div>
    )
  if (!mayAnswer(request, me))
    return <p className="muted">{request.approvers.join(' or ')} answers this.</p>
  return (
    <div className="buttons answer">
      <FormButton
        name="Approve…"
        title={`Approve ${request.shortId}`}
        act={answer}
        tone="first"
        verb="Yes, approve"
        send={() => answer.mutate({ says: 'yes' })}
      >
        <p>{request.says}.</p>
        <ul className="gives">
          {request.gives.map(line => (
            <li key={line}>{localTimes(line)}</li>
          ))}
        </ul>
        <p className="muted hint">
          You agree to exactly this: <code>{bodyHash.slice(0, 16)}…</code>
        </p>
      </FormButton>
      <FormButton
        name="Deny…"
        title={`Deny ${request.shortId}`}
        act={answer}
        tone="danger"
        verb="No"
        send={({ comment = '' }) =>
          answer.mutate({ says: 'no', ...(comment === '' ? {} : { comment }) })
        }
      >
        <p>{request.askedBy} reads why, and can ask for less.</p>
        <Field name="comment" label="Why not?" />
      </FormButton>
    </div>
  )
}
