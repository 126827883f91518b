/** Lists of our own names, each a type of its own. */

export type Word<T extends string> = T extends `${infer First} ${infer Rest}`
  ? First | Word<Rest>
  : T

/** A list of names, written as a text of words; each is still a type of its own. */
export function words<T extends string>(...texts: T[]): Word<T>[] {
  return texts.flatMap(text => text.split(' ')) as Word<T>[]
}
