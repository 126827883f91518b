/** What a scan reads from, and what it hands on while it reads. */
import type { Thing } from './thing.ts'

export interface Unseen {
  readonly what: string
  /** The right, plan or setting that would show it. */
  readonly needs: string
}

/** Where what was read goes; nothing is kept by a source. */
export interface Sink {
  thing(thing: Thing): void
  unseen(unseen: Unseen): void
  /** One answer was read. */
  page(): void
  /** Something that tells about many things of a system. */
  readonly facts: Facts
}

export interface Source {
  /** As it was typed, without anything that is not for others: `github:acme`. */
  readonly name: string
  /** Reads all of it. Throws `Problem` where it can not go on; what it handed on before stays true. */
  read(sink: Sink, signal: AbortSignal): Promise<void>
}

/** What is known of a repository: small, and one for each. */
export interface AboutRepository {
  /** By its CODEOWNERS, for everything and for its workflows. */
  readonly owners: readonly string[]
  readonly workflowOwners: readonly string[]
  /** Names of secrets its workflows read; undefined where not all could be read. */
  readonly reads: ReadonlySet<string> | undefined
}

/** Filled while reading, used when all was read. */
export interface Facts {
  /** Who is there now, in lower case, by system; missing where that is not shown whole. */
  readonly people: Map<string, Set<string>>
  readonly repositories: Map<string, AboutRepository>
  /** Jobs of CI that sign in without a stored key. */
  federated: number
  repositoriesRead: number
}

export function newFacts(): Facts {
  return { people: new Map(), repositories: new Map(), federated: 0, repositoriesRead: 0 }
}
