/** Keys: `g` and a letter goes to a page, `/` filters, `?` lists them. Every one is also a button. */
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { Dialog } from './parts/act.tsx'

interface Place {
  readonly to: string
  readonly name: string
  readonly key: string
}

interface Keys {
  readonly openBar: () => void
  readonly openKeys: () => void
  readonly places: readonly Place[]
}

const goMs = 1_500

export function useKeys({ openBar, openKeys, places }: Keys): void {
  const navigate = useNavigate()
  useEffect(() => {
    let wentAt = 0
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        return openBar()
      }
      if (isWriting(event) || event.ctrlKey || event.metaKey || event.altKey) return undefined
      if (!areSingleKeysOn()) return undefined
      const place = Date.now() - wentAt < goMs && places.find(({ key }) => key === event.key)
      wentAt = event.key === 'g' ? Date.now() : 0
      if (place) return void navigate({ to: place.to })
      if (event.key === '?') return openKeys()
      if (event.key === '/') return focusFilter(event)
      return moveFocus(event)
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [navigate, openBar, openKeys, places])
}

function isWriting({ target }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.matches('input, textarea, select') || target.closest('dialog') !== null
}

function focusFilter(event: KeyboardEvent): void {
  const filter = document.querySelector<HTMLInputElement>('[data-filter]')
  if (filter === null) return
  event.preventDefault()
  filter.focus()
}

/** `j` and `k`: the next and the last row that leads somewhere. */
function moveFocus(event: KeyboardEvent): void {
  if (event.key !== 'j' && event.key !== 'k') return
  const rows = [
    ...document.querySelectorAll<HTMLElement>('main tbody tr, main .needs > li, main .wall > li'),
  ]
  const links = rows.flatMap(row => row.querySelector<HTMLElement>('a') ?? [])
  const at = links.findIndex(link => link === document.activeElement)
  const next = links[event.key === 'j' ? at + 1 : Math.max(0, at - 1)]
  next?.focus()
}

/** WCAG 2.1.4: who speaks to their machine, or trembles, can switch single keys off. */
function areSingleKeysOn(): boolean {
  try {
    return localStorage.getItem('keys') !== 'off'
  } catch {
    return true
  }
}

export function KeysDialog({
  isOpen,
  close,
  places,
}: {
  isOpen: boolean
  close: () => void
  places: readonly Place[]
}) {
  const [isOn, setOn] = useState(areSingleKeysOn)
  const turn = () => {
    try {
      localStorage.setItem('keys', isOn ? 'off' : 'on')
    } catch {
      // Storage may be forbidden; then keys stay as they are.
    }
    setOn(areSingleKeysOn())
  }
  const rows = [
    ['Ctrl K or ⌘ K', 'find or do anything'],
    ['/', 'filter this page'],
    ['j, k', 'next row, last row'],
    ['Enter', 'open'],
    ['Esc', 'close'],
    ...places.map(({ key, name }) => [`g ${key}`, name] as const),
  ] as const
  return (
    <Dialog title="Keys" isOpen={isOpen} close={close}>
      <dl className="keys">
        {rows.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div className="buttons">
        <button type="button" className="second" aria-pressed={isOn} onClick={turn}>
          Single keys are {isOn ? 'on' : 'off'}
        </button>
        <button type="button" className="first" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  )
}
