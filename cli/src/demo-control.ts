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

/** POST /thief: the kept copies, used now. */
export interface ThiefAnswer {
  readonly app: string
  /** Short id. */
  readonly lease: string
  /** `PostgreSQL`, `task token`, `CI token again`; what each said. */
  readonly tries: readonly {
    readonly what: string
    readonly refused: boolean
    readonly says: string
  }[]
  readonly aliveSeconds: number
  /** Path of the end certificate, relative to the clone. */
  readonly certificate: string
}

/** POST /liar with `{ honest: boolean }`. */
export interface LiarAnswer {
  readonly app: string
  /** Short id. */
  readonly lease: string
  /** `ended`, `looked again`, `tried the key`; `ok` false where it is bad news. */
  readonly steps: readonly { readonly what: string; readonly ok: boolean; readonly says: string }[]
  readonly state: 'not-green' | 'verified-gone'
  readonly green: number
  readonly of: number
  /** Path of the certificate as it is now, relative to the clone. */
  readonly certificate: string
  /** Instants of the next tries; empty when it is gone. */
  readonly nextTries: readonly string[]
}
