/** A pretend system that has had too many requests. */
interface Faulty {
  /** Of each request; undefined: it is answered well. */
  fault(asked: string): unknown
}

/** Each second time it is not too much, where it says to come back at once. */
export function tooMany(system: Faulty, seconds: number): () => Promise<void> {
  const turns = new Map<string, number>()
  system.fault = asked => {
    const turn = (turns.get(asked) ?? 0) + 1
    turns.set(asked, turn)
    if (seconds === 0 && turn % 2 === 0) return undefined
    return { status: 429, headers: { 'retry-after': String(seconds) } }
  }
  return async () => void (system.fault = () => undefined)
}
