/** Bounds of what an app may bring as rules of its own. */
export const bounds = {
  /** Schema and policies, each. */
  textChars: 32_000,
  /** Who and what the rules know by name. */
  entities: 1_000,
  /** Attributes of one entity, and members of a context. */
  attributes: 50,
  /** Type, id and name of what is asked about. */
  nameChars: 256,
  /** Rule sets that are held open; the app asked longest ago is opened again when it asks. */
  open: 100,
  /** One question of so many is asked of both engines. */
  shadowEvery: 1_000,
} as const
