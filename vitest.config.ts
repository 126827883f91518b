import { configDefaults, defineConfig } from 'vitest/config'

/** Too long for each save; `.ci/run` runs them, in steps of their own. */
const long = [
  'test/action/**',
  'demo/company/**',
  'test/console/live.test.ts',
  'test/console/many.test.ts',
  'test/journeys/notify-crash.test.ts',
]

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'connectors/**/*.test.ts',
      'channels/**/*.test.ts',
      'front/**/*.test.ts',
      'runner/**/*.test.ts',
      'cli/src/**/*.test.ts',
      'scan/src/**/*.test.ts',
      'demo/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    exclude: [...configDefaults.exclude, ...(process.env['LEASEHOLD_LONG'] ? [] : long)],
    pool: 'forks',
    // One more than two processors: a fifth of the time is waiting for servers, browsers and clocks.
    maxWorkers: 3,
    // A hang ends; a busy machine, on which a property over thousands of companies takes ten times as long, does not fail.
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
})
