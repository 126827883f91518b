/** Requests: who waits for whom? */
import { useWords } from '../address.ts'
import type * as api from '../api.ts'
import { mayAnswer } from '../needs.ts'
import { RequestTable } from '../parts/requests.tsx'
import { Empty, Panel, Read, Title } from '../parts/show.tsx'
import { useMe, useRequests } from '../use.ts'

export function RequestsPage() {
  const requests = useRequests()
  const me = useMe().data?.person
  const { words, set } = useWords()
  const { state = 'open' } = words
  return (
    <>
      <Title>Requests</Title>
      <Read from={requests} what="requests">
        {({ items }) => {
          const isMine = (each: api.RequestView) =>
            me !== undefined && me !== null && mayAnswer(each, me)
          const mine = items.filter(isMine)
          const others = items.filter(each => !isMine(each) && fits(each, state))
          return (
            <>
              {mine.length > 0 && (
                <Panel title={`Waiting for you (${mine.length})`}>
                  <RequestTable requests={mine} name="Requests that wait for you" />
                </Panel>
              )}
              <Panel
                title={mine.length > 0 ? 'Others' : 'All you may see'}
                aside={
                  <label>
                    <span className="hidden">State</span>
                    <select value={state} onChange={event => set({ state: event.target.value })}>
                      <option value="open">open</option>
                      <option value="all">every state</option>
                      {['agreed', 'denied', 'withdrawn', 'expired', 'used'].map(each => (
                        <option key={each}>{each}</option>
                      ))}
                    </select>
                  </label>
                }
              >
                {others.length === 0 ? (
                  <Empty>No requests here. {lastAnswer(items)}</Empty>
                ) : (
                  <RequestTable requests={others} name="Requests" />
                )}
              </Panel>
            </>
          )
        }}
      </Read>
    </>
  )
}

function fits(request: api.RequestView, state: string): boolean {
  return state === 'all' || request.state === state
}

/** How long the newest answer took: what somebody who asks can expect. */
function lastAnswer(items: readonly api.RequestView[]): string {
  const answered = items.find(each => each.answers.length > 0)
  const [first] = answered?.answers ?? []
  if (answered === undefined || first === undefined) return 'None was answered yet.'
  const minutes = Math.round((Date.parse(first.at) - Date.parse(answered.madeAt)) / 60_000)
  return `The last one was answered in ${minutes < 1 ? 'less than a minute' : `${minutes} min`}.`
}
