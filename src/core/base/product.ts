/** The product's names, in one place: renaming the product is editing this file. */
export const product = {
  name: 'Leasehold',
  /** Command people type; in a clone the script beside the README has the short name. */
  command: 'leasehold',
  cloneCommand: './lh',
  /** Prefix of everything we create at a target, so that a restore can find what it does not know. */
  targetPrefix: 'lh',
  version: '0.1.0',
  /** Media types and predicate types we define hang below this name. */
  typeBase: 'https://leasehold.dev',
} as const
