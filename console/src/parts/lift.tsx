/** Lifts a hold, and says first what it was. */
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { useAct } from '../use.ts'
import { FormButton } from './act.tsx'

export function LiftButton({ of }: { of: api.HoldView }) {
  const act = useAct(() => post(`/v1/holds/${of.id}/lift`))
  return (
    <FormButton
      name="Lift…"
      title={`Lift the hold on ${of.about}`}
      act={act}
      send={() => act.mutate()}
    >
      <p>
        It was set by {of.setBy}: {of.reason}. What was ended stays ended; new work may begin.
      </p>
    </FormButton>
  )
}
