/** Bounds of one request to the decision API. */
export const bounds = {
  bodyBytes: 64 * 1024,
  /** Decisions asked for at once. */
  evaluations: 100,
  /** Results in one page of a search. */
  results: 200,
  /** Between two turns for others while a search asks the rules. */
  askedInARow: 20,
  requestIdChars: 200,
} as const
