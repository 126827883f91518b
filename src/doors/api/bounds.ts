/** Bounds of this door alone. Those of every part are `core/base/limits.ts`. */
export const bounds = {
  /** A form at the token endpoint. */
  tokenBodyBytes: 64 * 1024,
  /** Parameters of one form or query at the sign-in pages and OAuth endpoints. */
  formParameters: 40,
  /** What a browser answers about one passkey. */
  passkeyBytes: 16 * 1024,
} as const
