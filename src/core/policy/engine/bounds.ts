/** How much an engine takes on. What is beyond is refused, but for the depth of an expression. */
export const bounds = {
  /** Brackets within each other and operators of one policy: what cedar-wasm survives, with room. */
  policyBrackets: 50,
  policyOperators: 250,
  /** How deep an expression is compiled; deeper ones are left to cedar-wasm. */
  expressionDepth: 200,
  /** Weight of all facts of one question: one for each value and for each 16 characters of text. */
  callWeight: 100_000,
  /** Comparisons within sets, texts and records while one question is answered. */
  steps: 4_000_000,
} as const
