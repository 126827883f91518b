/** What an address says: the parts of its path, and what stands behind its question mark, as texts. */
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'

type Words = Readonly<Record<string, string | undefined>>

/** A part of the path, as `$app` in `/apps/$app`. */
export function usePart(name: string): string {
  const parts: Words = useParams({ strict: false })
  return parts[name] ?? ''
}

/** The words behind the question mark, and a way to change some of them in place. */
export function useWords() {
  const words: Words = useSearch({ strict: false })
  const navigate = useNavigate()
  const set = (next: Words) => {
    const all = Object.entries({ ...words, ...next }).filter(([, value]) => value)
    void navigate({ to: '.', search: Object.fromEntries(all), replace: true })
  }
  return { words, set }
}
