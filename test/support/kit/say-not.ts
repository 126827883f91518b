/** Cases of systems that mint, rate-limit or lie, for a database that does none of that. */
export function sayNot(transactions: string): Record<string, string> {
  const lost = 'an answer that is lost is what breaking off at each step tries'
  return {
    'what was made and never confirmed is not called gone while it can live':
      'what was made is found by its name, confirmed or not',
    'a target that has had too much is asked again when it says, and no later':
      'it has no limit of requests that tells when to come back',
    'a failure after it was made is no lease, and what was made is not called gone': lost,
    'a failure after it was ended is no proof, and the next look is': lost,
    'what says that it ended and stays is still there': transactions,
    'what ends 30 seconds late, on either path, is still there until it is gone': transactions,
  }
}
