/**
 * What `npm start` leaves for the command line, and what its control server answers. The demo is
 * built to these types; nothing of the product depends on them.
 */

/** `.leasehold/demo.json` in the clone, 0600, written when the demo is ready, removed at its end. */
export interface DemoHint {
  /** API, e.g. `http://127.0.0.1:4400`. */
  readonly url: string
  readonly issuer: string
  /** A person's token of the demo's Maya, good at this installation only. */
  readonly token: string
  /** Root key of this demo's installation, hex: what is remembered belongs to it. */
  readonly rootFingerprint?: string
  /** `http://127.0.0.1:PORT`; each call carries `Authorization: Bearer <controlWord>`. */
  readonly controlUrl: string
  readonly controlWord: string
}

/** POST /<story> with `{ honest: boolean }`, `/thief` or `/leak`: the demo words its own answers. */
export interface DemoAnswer {
  readonly result: object
  readonly lines: readonly string[]
  /** To run next. */
  readonly next?: string
  /** False where it is bad news for the product. */
  readonly ok: boolean
}
