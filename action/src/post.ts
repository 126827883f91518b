/**
 * After the job, whatever became of it: everything is given back, and how it was found is said. The task of
 * this run is taken up anew, so nothing that died on the way is needed for it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../cli/src/problem.ts'
import { during, openTask } from '../../cli/src/verbs/task.ts'
import { clientOf } from './client.ts'
import { annotate, append, env, ourStep, safe, say } from './runner.ts'

const { STATE_folder: folder = '', STATE_since: since } = env

// Without it nothing was given, or it was given back already.
if (folder !== '') {
  const told = join(folder, 'told')
  if (existsSync(told)) for (const line of readFileSync(told, 'utf8').trim().split('\n')) say(line)
  await release().catch((error: unknown) => {
    const why = error instanceof Problem ? error.text.what : 'something broke in the action.'
    report(`▲ Not given back by this job, the server ends it within a term: ${why}`)
  })
  // Whoever holds the doors ends with it; and what was remembered of the server.
  const ours = [folder, join(env['RUNNER_TEMP'] ?? '', 'leasehold')]
  for (const each of ours) rmSync(each, { recursive: true, force: true })
}

async function release(): Promise<void> {
  const said: string[] = []
  let now = () => Number(since)
  const write = (line: string) => said.push(line)
  const cli = clientOf(write, () => now())
  const task = await openTask(cli, [])
  // It began with the first step, and ends now.
  await during(cli, task, async () => void (now = Date.now))
  if (said.length === 0) write('▲ Nothing was left to give back: it had ended before.')
  said.forEach(report)
}

function report(line: string): void {
  say(line)
  append('STEP_SUMMARY', `- ${safe(line)}`)
  if (!line.includes('verified gone')) annotate('warning', [line], ourStep)
}
