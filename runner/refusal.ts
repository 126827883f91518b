/** A no of the runner: as the answer to who sent a bundle, a status and why. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, says: string) {
    super(says)
    this.status = status
  }
}
