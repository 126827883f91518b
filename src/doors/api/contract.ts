/**
 * The server's contract: what clients may import, and they import types only. `leasehold/v1` is the
 * value of `schema` in everything a client prints as JSON.
 */
export type * from './inputs.ts'
export type * from './proof-views.ts'
export type * from './views.ts'
