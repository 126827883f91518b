/** What the command line is run with. An argument, so that every command can be run inside a test. */
export type Sink = { write(text: string): unknown; isTTY?: boolean | undefined }

export interface Host {
  /** The words after the command's own name. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined }
  readonly stdout: Sink
  readonly stderr: Sink
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** What a process we start for the person gets as its umask; ours is tighter. */
  readonly umask: number
}
