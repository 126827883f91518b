/**
 * The command bar: a name, any id, or a page. Names are found in what was read; what an id stands for is
 * asked of the server, which finds only what this person may see.
 */
import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import type * as api from './api.ts'
import { get } from './api.ts'
import { places } from './places.ts'
import { useApps } from './use.ts'
import { placeOf } from './words.ts'

interface Choice {
  readonly to: string
  readonly name: string
  readonly says: string
}

const shown = 8

export function Bar({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isOpen])
  return (
    <dialog ref={dialog} className="bar" aria-label="Find or do" onClose={close}>
      {isOpen && <Search close={close} />}
    </dialog>
  )
}

function Search({ close }: { close: () => void }) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const navigate = useNavigate()
  const named = useNamed(text)
  const asked = useThing(text.trim())
  const choices = asked.choice === undefined ? named : [asked.choice, ...named]
  const go = (choice: Choice | undefined) => {
    if (choice === undefined) return
    close()
    void navigate({ to: choice.to })
  }
  const press = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (move !== undefined) {
      event.preventDefault()
      setAt((at + move + choices.length) % Math.max(1, choices.length))
    } else if (event.key === 'Enter') go(choices[at])
  }
  return (
    <>
      <input
        role="combobox"
        aria-label="Name or id"
        aria-expanded={choices.length > 0}
        aria-controls={list}
        aria-activedescendant={choices[at] && `${list}-${at}`}
        aria-autocomplete="list"
        placeholder="An app, a page, or an id: R-… L-… T-… D-… U-… F-… #n"
        autoComplete="off"
        spellCheck={false}
        maxLength={120}
        value={text}
        onChange={event => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={press}
      />
      <ul role="listbox" id={list} aria-label="Found">
        {choices.map((choice, i) => (
          // The input keeps the focus; keys move the choice (ARIA combobox).
          <li
            key={choice.to}
            id={`${list}-${i}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={event => {
              event.preventDefault()
              go(choice)
            }}
          >
            <strong>{choice.name}</strong> <span className="muted">{choice.says}</span>
          </li>
        ))}
      </ul>
      <p className="muted hint" role="status">
        {asked.says ??
          (choices.length === 0
            ? 'Nothing by that name.'
            : '↑ ↓ choose · Enter opens · Esc closes')}
      </p>
    </>
  )
}

function useNamed(text: string): Choice[] {
  const apps = useApps().data?.items ?? []
  const wanted = text.trim().toLowerCase()
  const fits = (...texts: string[]) => texts.join(' ').toLowerCase().includes(wanted)
  const pages = places
    .filter(({ name }) => fits(name))
    .map(({ to, name, key }) => ({ to, name, says: `page · g ${key}` }))
  const found = apps
    .filter(app => fits(app.slug, app.purpose, app.owner.name))
    .flatMap(app => [
      { to: `/apps/${app.slug}`, name: app.slug, says: app.purpose },
      ...(wanted !== '' && !app.endedAt
        ? [{ to: `/apps/${app.slug}/end`, name: `End ${app.slug}…`, says: 'the plan first' }]
        : []),
    ])
  return (wanted === '' ? [...pages, ...found] : [...found, ...pages]).slice(0, shown + 2)
}

const waitMs = 150
const isId = /^(#\d+|[A-Za-z]-[0-9A-Za-z]{4,26}|[a-z]{2}_[0-9a-z]{10,40}|[0-9a-f]{7,64})$/

/** What an id stands for: an entry and a commit by their form, the rest by the server. */
function useThing(text: string): { choice?: Choice; says?: string } {
  const [found, setFound] = useState<{ text: string; choice?: Choice; says?: string }>()
  useEffect(() => {
    if (!isId.test(text)) return undefined
    let isOld = false
    const timer = setTimeout(() => {
      void findThing(text).then(answer => {
        if (!isOld) setFound({ text, ...answer })
      })
    }, waitMs)
    return () => {
      isOld = true
      clearTimeout(timer)
    }
  }, [text])
  if (!isId.test(text)) return {}
  return found?.text === text ? found : { says: 'Looking…' }
}

async function findThing(text: string): Promise<{ choice?: Choice; says?: string }> {
  if (text.startsWith('#'))
    return { choice: { to: `/log/${text.slice(1)}`, name: text, says: 'entry of the log' } }
  if (/^[0-9a-f]{7,64}$/.test(text))
    return { choice: { to: `/trace/${text}`, name: text, says: 'trace of this commit' } }
  try {
    const id = text[1] === '-' ? text.toUpperCase() : text
    const thing = await get<api.ThingView>(`/v1/things/${encodeURIComponent(id)}`)
    const to = placeOf(thing)
    if (to === undefined) return { says: `It is a ${thing.type}; it has no page of its own.` }
    return { choice: { to, name: id, says: thing.type } }
  } catch (thrown) {
    return { says: thrown instanceof Error ? thrown.message : 'Nothing was found.' }
  }
}
