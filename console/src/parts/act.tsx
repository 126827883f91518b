/**
 * Doing something: a button that opens what it would do, in a dialog of the browser's own. Nothing is shown
 * as done before the server said so, and what it refuses stays readable there.
 */
import type { UseMutationResult } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import type { Refused } from '../api.ts'
import { ProblemBox } from './show.tsx'

type Act = Pick<UseMutationResult<unknown, Refused, never>, 'error' | 'status' | 'reset'>

/** `sending…` and `done`, for those who see and those who listen. */
export function Progress({ of: { status } }: { of: Pick<Act, 'status'> }) {
  return (
    <span role="status" className="progress">
      {status === 'pending' && <span className="muted">◌ sending…</span>}
      {status === 'success' && <span className="ok">● done</span>}
    </span>
  )
}

export function Dialog({
  title,
  isOpen,
  close,
  children,
}: {
  title: string
  isOpen: boolean
  close: () => void
  children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog ref={dialog} aria-label={title} onClose={close}>
      {isOpen && (
        <>
          <h2>{title}</h2>
          {children}
        </>
      )}
    </dialog>
  )
}

/** A button, and behind it a form that says what will happen. `send` is called with the fields by name. */
export function FormButton({
  name,
  title,
  act,
  send,
  children,
  verb = name.replace('…', ''),
  tone = 'second',
  isReady = true,
}: {
  name: string
  title: string
  act: Act
  send: (fields: Readonly<Record<string, string>>) => void
  children: ReactNode
  verb?: string
  tone?: 'first' | 'second' | 'danger'
  /** False keeps it from being sent: something must be typed first. */
  isReady?: boolean
}) {
  const [isOpen, setOpen] = useState(false)
  const isDone = act.status === 'success'
  useEffect(() => {
    if (!isDone || !isOpen) return undefined
    const timer = setTimeout(() => setOpen(false), 700)
    return () => clearTimeout(timer)
  }, [isDone, isOpen])
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    send(readFields(event.currentTarget))
  }
  const open = () => {
    act.reset()
    setOpen(true)
  }
  return (
    <>
      <button type="button" className={tone} onClick={open}>
        {name}
      </button>
      <Dialog title={title} isOpen={isOpen} close={() => setOpen(false)}>
        <form onSubmit={submit}>
          {children}
          {act.error !== null && <ProblemBox of={act.error} />}
          <div className="buttons">
            <button
              type="submit"
              className={tone === 'danger' ? 'danger' : 'first'}
              disabled={!isReady || act.status === 'pending' || isDone}
            >
              {verb}
            </button>
            <button type="button" className="second" onClick={() => setOpen(false)}>
              Cancel
            </button>
            <Progress of={act} />
          </div>
        </form>
      </Dialog>
    </>
  )
}

function readFields(form: HTMLFormElement): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [name, value] of new FormData(form))
    if (typeof value === 'string') fields[name] = value.trim()
  return fields
}

export function Field({
  name,
  label,
  hint,
  ...more
}: {
  name: string
  label: string
  hint?: string
  type?: string
  min?: number
  max?: number
  defaultValue?: string | number
  required?: boolean
  pattern?: string
}) {
  const id = `field-${name}`
  return (
    <p className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        autoComplete="off"
        maxLength={500}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        {...more}
      />
      {hint !== undefined && (
        <span className="muted hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </p>
  )
}
