/**
 * Cedar's Long: a whole number of 64 bits, exact. A number where JavaScript holds it exactly, a bigint
 * beyond; never both for one value, so `===` compares them and `<` orders them.
 *
 * Not here: rounding, wrapping around. What does not fit is undefined, and the caller says so.
 */
export type Long = number | bigint

const least = -(2n ** 63n)
const most = 2n ** 63n - 1n

/** The one form of this value, or undefined beyond 64 bits. */
export function longOf(exact: bigint): Long | undefined {
  if (exact < least || exact > most) return undefined
  const near = Number(exact)
  return Number.isSafeInteger(near) ? near : exact
}

export const addLongs = arithmetic(
  (a, b) => a + b,
  (a, b) => a + b,
)
export const subtractLongs = arithmetic(
  (a, b) => a - b,
  (a, b) => a - b,
)
export const multiplyLongs = arithmetic(
  (a, b) => a * b,
  (a, b) => a * b,
)

/** Towards zero, as Cedar counts whole seconds, minutes, hours and days. */
export function divideLong(a: Long, by: number): Long {
  return longOf(BigInt(a) / BigInt(by)) ?? 0
}

/** What is left above the next lower multiple: never negative. */
export function moduloLong(a: Long, by: number): number {
  const rest = typeof a === 'number' ? a % by : Number(a % BigInt(by))
  return rest < 0 ? rest + by : rest + 0
}

/** Quick where the result is surely exact; a sum or product that was rounded is beyond 2^53. */
function arithmetic(
  near: (a: number, b: number) => number,
  exact: (a: bigint, b: bigint) => bigint,
): (a: Long, b: Long) => Long | undefined {
  return (a, b) => {
    const quick = typeof a === 'number' && typeof b === 'number' ? near(a, b) : Number.NaN
    // Zero times a negative is -0 to JavaScript.
    return Number.isSafeInteger(quick) ? quick + 0 : longOf(exact(BigInt(a), BigInt(b)))
  }
}
