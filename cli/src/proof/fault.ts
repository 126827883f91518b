import { exits, Problem } from '../problem.ts'

/** What does not hold, and where: JSON paths inside the file that was checked. */
export class Fault extends Problem {
  readonly fields: readonly string[]
  readonly says: string

  constructor(fields: string | readonly string[], says: string) {
    const next = 'Trust nothing that depends on it, and tell whoever runs the server.'
    super({ code: 'LH-PROOF-15', exit: exits.failed, what: `Not proven: ${says}.`, next })
    this.says = says
    this.fields = [fields].flat()
  }
}

/** Only the one spelling of these bytes is taken, so that a changed letter is never "the same". */
export function decodeExactly(text: string, form: 'base64' | 'base64url'): Buffer | undefined {
  const bytes = Buffer.from(text, form)
  return bytes.toString(form) === text ? bytes : undefined
}
