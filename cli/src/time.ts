/** Instants as people read them: relative and absolute, in the time of the place they are in. */

/** `14:02:08`, with tenths where the instant has them. */
export function clockTime(instant: string): string {
  const at = new Date(instant)
  const tenths = Math.floor(at.getMilliseconds() / 100)
  return `${at.toTimeString().slice(0, 8)}${tenths === 0 ? '' : `.${tenths}`}`
}

/** `Fri 27 Nov 17:00`; with the year when it is not this one. */
export function dayTime(instant: string, now: number): string {
  const at = new Date(instant)
  const [weekday, month] = at.toDateString().split(' ')
  const year = at.getFullYear() === new Date(now).getFullYear() ? '' : ` ${at.getFullYear()}`
  return `${weekday} ${at.getDate()} ${month}${year} ${at.toTimeString().slice(0, 5)}`
}

/** `in 1 h 52 min, 17:00` or `3 min ago, 13:58`; another day is named. */
export function moment(instant: string, now: number): string {
  const at = new Date(instant)
  const ms = at.getTime() - now
  if (Number.isNaN(ms)) return 'at an unknown time'
  const isToday = at.toDateString() === new Date(now).toDateString()
  const absolute = isToday ? at.toTimeString().slice(0, 5) : dayTime(instant, now)
  const length = span(Math.abs(ms))
  return ms >= 0 ? `in ${length}, ${absolute}` : `${length} ago, ${absolute}`
}

/** `41 s`, `12 min`, `1 h 52 min`, `6 d 2 h`. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${minutes % 60} min`.replace(/ 0 min$/, '')
  return `${Math.floor(hours / 24)} d ${hours % 24} h`.replace(/ 0 h$/, '')
}
