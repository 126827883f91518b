/**
 * The agent: one piece of work with the tools it may call now, from its purpose to a report. Before somebody agreed it
 * works with pretend tools, and says so. Exits with 1 where the door was closed, so that whoever started it notices.
 */
import { readFileSync } from 'node:fs'
import { readApp } from './app.ts'
import { type Done, nextStep, reportOf } from './decide.ts'
import { connect, type Tools } from './mcp.ts'

/** Whatever decides what is next: it ends. */
const mostSteps = 10

const file = new URL('../synthetic/tools.json', import.meta.url)
type Pretend = { name: string; says: string; asks?: string[]; answer: string }
const { resource, tools } = JSON.parse(readFileSync(file, 'utf8')) as {
  resource: string
  tools: Pretend[]
}
const app = readApp(process.env)
const name = resource.toUpperCase().replace(/\W/g, '_')
const [address = '', word = ''] = [process.env[`${name}_URL`], process.env[`${name}_TOKEN`]]
const isReal = address !== '' && word !== ''
try {
  say(isReal ? `● tools of ${resource}` : `▲ synthetic tools: ${app.waits}`)
  say(await work(isReal ? await connect(address, word) : pretend()))
} catch (error) {
  say(
    `✕ ${resource}: ${error instanceof Error ? error.message : 'it broke off'}\n  Next: leasehold why`,
  )
  process.exitCode = 1
}

async function work(at: Tools): Promise<string> {
  try {
    const known = await at.list()
    say(`  may call ${known.map(each => each.name).join(', ') || 'nothing now'}`)
    const done: Done[] = []
    for (let step = nextStep(known, done); step !== undefined; step = nextStep(known, done)) {
      if (done.length >= mostSteps) break
      done.push({ ...step, told: await at.call(step.tool, step.given) })
    }
    return reportOf(app.says, done)
  } finally {
    await at.close()
  }
}

function pretend(): Tools {
  return {
    list: async () =>
      tools.map(({ asks = [], ...tool }) => ({ ...tool, asks, isReading: asks.length === 0 })),
    call: async called => {
      const text = tools.find(each => each.name === called)?.answer
      return { text: text ?? `There is no tool ${called}.`, isRefused: text === undefined }
    },
    close: async () => {},
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
