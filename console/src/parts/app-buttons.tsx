/** What a person may tell an app: pause, resume, extend, hand over, end. Each says first what it will do. */
import { Link, useNavigate } from '@tanstack/react-router'
import type * as api from '../api.ts'
import { post } from '../api.ts'
import { useAct, useMe } from '../use.ts'
import { Field, FormButton } from './act.tsx'

export function AppButtons({ app }: { app: api.AppDetail }) {
  const path = `/v1/apps/${encodeURIComponent(app.slug)}`
  const isOver = app.state === 'ended' || app.state === 'graduated'
  if (isOver || app.state === 'ending')
    return (
      <Link to="/apps/$app/end" params={{ app: app.slug }} className="button first">
        End and proof
      </Link>
    )
  return (
    <>
      <Accept app={app} path={path} />
      {app.state === 'paused' ? <Resume app={app} path={path} /> : <Pause app={app} path={path} />}
      <Extend app={app} path={path} />
      <HandOver app={app} path={path} />
      <Link to="/apps/$app/end" params={{ app: app.slug }} className="button danger">
        End…
      </Link>
    </>
  )
}

interface Of {
  readonly app: api.AppDetail
  readonly path: string
}

function Pause({ app, path }: Of) {
  const act = useAct((body: { reason: string }) => post(`${path}/pause`, body))
  return (
    <FormButton
      name="Pause…"
      title={`Pause ${app.slug}`}
      act={act}
      send={({ reason = '' }) => act.mutate({ reason })}
    >
      <p>
        Nothing new is issued, and what it holds stops within seconds. Nothing is deleted; you can
        resume it.
      </p>
      <Field name="reason" label="Why?" required hint="Its owner reads this." />
    </FormButton>
  )
}

function Resume({ app, path }: Of) {
  const act = useAct(() => post(`${path}/resume`))
  return (
    <FormButton
      name="Resume…"
      title={`Resume ${app.slug}`}
      act={act}
      send={() => act.mutate()}
      tone="first"
    >
      <p>
        It works again under the grants it has.
        {app.pausedBecause !== null && <> It was paused: {app.pausedBecause}.</>}
      </p>
    </FormButton>
  )
}

function Extend({ app, path }: Of) {
  const act = useAct((body: { days: number }) => post(`${path}/extend`, body))
  return (
    <FormButton
      name="Extend…"
      title={`Extend ${app.slug}`}
      act={act}
      send={({ days = '' }) => act.mutate({ days: Number(days) })}
    >
      <p>
        The end moves; the latest it can be is {app.maxEndsAt.slice(0, 10)}. Its grants move with it
        only when asked for again.
      </p>
      <Field
        name="days"
        label="Days more"
        type="number"
        min={1}
        max={365}
        defaultValue={7}
        required
      />
    </FormButton>
  )
}

function HandOver({ app, path }: Of) {
  const act = useAct((body: { to: string }) => post(`${path}/transfer`, body))
  return (
    <FormButton
      name="Hand over…"
      title={`Hand over ${app.slug}`}
      act={act}
      send={({ to = '' }) => act.mutate({ to })}
    >
      <p>Another person is asked. Until they accept, it stays with {app.owner.name}.</p>
      <Field name="to" label="To whom?" required hint="Name or e-mail address." />
    </FormButton>
  )
}

/** For the person it was offered to, or the backup of an owner who is gone. */
function Accept({ app, path }: Of) {
  const me = useMe().data?.person
  const navigate = useNavigate()
  const act = useAct((body: { backup?: string }) => post(`${path}/accept`, body))
  const isMine = app.offeredTo === me?.name || (!app.owner.isLiving && app.backup?.id === me?.id)
  if (!isMine || me === undefined || me === null) return null
  return (
    <FormButton
      name="Take over…"
      title={`Take over ${app.slug}`}
      act={act}
      tone="first"
      send={({ backup = '' }) =>
        act.mutate(backup === '' ? {} : { backup }, {
          onSuccess: () => void navigate({ to: '/apps/$app', params: { app: app.slug } }),
        })
      }
    >
      <p>You answer for it from now on: {app.purpose}.</p>
      <Field
        name="backup"
        label="Your backup"
        hint="Who takes over when you are gone. Empty: who is it now."
      />
    </FormButton>
  )
}
