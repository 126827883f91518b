/** Bounds of the spool, and what each protects. */
export const bounds = {
  /** One segment file; a sent one is removed whole. */
  segmentBytes: 16 * 1024 * 1024,
  /** What may lie on this disk and not in the database yet; beyond it nothing is decided that must be kept. */
  spoolBytes: 256 * 1024 * 1024,
  /** One record as a line. */
  recordBytes: 64 * 1024,
  /** Read, sent and sealed at once. */
  batchBytes: 2 * 1024 * 1024,
  batchRecords: 5_000,
  /** Shortest pause between two batches that are not full. */
  batchPaceMs: 250,
  /** Between two tries while the database does not take one. */
  retryMs: 1_000,
  /** How long a caller waits for room, or for a record that must be in the database first. */
  waitMs: 2_000,
  /** Processes that share one home. */
  folders: 16,
}

/** What a test makes smaller. */
export type SpoolBounds = Pick<typeof bounds, 'spoolBytes' | 'waitMs'>
