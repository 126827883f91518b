/** Which constraint refused a write. Both drivers say it the same way (SQLSTATE class 23). */
export function violates(thrown: unknown, constraint: string): boolean {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('constraint' in thrown)) return false
  return (
    typeof thrown.code === 'string' &&
    thrown.code.startsWith('23') &&
    thrown.constraint === constraint
  )
}
