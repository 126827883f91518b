/** Bounds of what strangers and apps can make of the front. */
export const bounds = {
  /** A visit is looked up anew at the server's own pages after this; a page under way does not notice. */
  visitSeconds: 15 * 60,
  /** From the server's page to the app's. */
  codeSeconds: 60,
  /** For the app to read who asks. */
  personSeconds: 60,
  /** Longer than any app lives: what ends it is the app. */
  warrantSeconds: 400 * 86_400,
  /** A version that was followed by a newer one ends what is under way. */
  drainMs: 60_000,
  /** What is open is decided again so often: a pause cuts it within a second. */
  lookMs: 400,
  /** Apps that are answered for at once. */
  tunnels: 500,
  /** Requests of one app under way. */
  requests: 100,
  /** Pages that listen for the cut, of one app. */
  listeners: 200,
  bodyBytes: 32 * 1024 * 1024,
  headerBytes: 16 * 1024,
  answerMs: 60_000,
  heartbeatMs: 15_000,
} as const
