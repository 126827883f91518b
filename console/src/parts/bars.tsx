/**
 * One row of a picture with many bars, on a canvas: an element for each would take longer to make than people
 * wait. It has the name the row had, says what is under the pointer, and is drawn again in the colours of now.
 */
import { type PointerEvent, useEffect, useRef } from 'react'

/** In hundredths of the row's width. `until`: how far it may still go; no further than `to` where it is over. */
export interface Bar {
  readonly tone: 'live' | 'held' | 'gone' | 'bad'
  readonly from: number
  readonly to: number
  readonly until: number
}

const height = 28
/** What weighs more is drawn later, over the rest. */
const colours = Object.entries({ gone: '--muted', live: '--ok', held: '--warn', bad: '--bad' })
/** A pointer is not exact: so near a bar is at it. */
const near = 0.3

type Says = (nth: number) => string | undefined
type BarsOf = { bars: readonly Bar[]; now: number; name: string; says: Says }

export function Bars({ bars, now, name, says }: BarsOf) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const on = canvas.current
    if (on === null) return
    const again = () => draw(on, bars, now)
    const sized = new ResizeObserver(again)
    const themed = new MutationObserver(again)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    again()
    sized.observe(on)
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    dark.addEventListener('change', again)
    return () => {
      sized.disconnect()
      themed.disconnect()
      dark.removeEventListener('change', again)
    }
  }, [bars, now])
  const point = ({ currentTarget: on, nativeEvent }: PointerEvent<HTMLCanvasElement>) => {
    const at = (100 * nativeEvent.offsetX) / on.clientWidth
    on.title = says(bars.findIndex(bar => bar.from - near <= at && at <= bar.to + near)) ?? ''
  }
  return <canvas ref={canvas} role="img" aria-label={name} onPointerMove={point} />
}

function draw(canvas: HTMLCanvasElement, bars: readonly Bar[], now: number): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const [place, ratio] = [canvas.clientWidth / 100, devicePixelRatio]
  canvas.width = canvas.clientWidth * ratio
  canvas.height = height * ratio
  context.scale(ratio, ratio)
  const use = (name: string) => {
    context.fillStyle = getComputedStyle(canvas).getPropertyValue(name)
  }
  use('--line')
  for (const { to, until } of bars)
    if (until > to) context.fillRect(to * place, 9, (until - to) * place, 10)
  for (const [tone, name] of colours) {
    use(name)
    for (const { tone: is, from, to } of bars)
      if (is === tone) context.fillRect(from * place, 6, (to - from) * place, 16)
  }
  use('--accent')
  context.fillRect(now * place - 1, 0, 2, height)
}
