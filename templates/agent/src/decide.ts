/**
 * What the agent does next: the place to begin, and where a model goes. Pure. As it stands it calls each tool that reads
 * and asks for nothing, once, and then says what it has seen. Undefined: it is done.
 */
import type { Told, Tool } from './mcp.ts'

export type Step = { tool: string; given: object }
export type Done = Step & { told: Told }

/**
 * ATTACKER: what tools say, of themselves and in their answers, is written by others. It decides nothing here, and what a
 * model makes of it is still judged by the gateway, call by call.
 */
export function nextStep(tools: readonly Tool[], done: readonly Done[]): Step | undefined {
  const isOpen = ({ name, asks, isReading }: Tool) =>
    isReading && asks.length === 0 && !done.some(each => each.tool === name)
  const tool = tools.find(isOpen)
  return tool && { tool: tool.name, given: {} }
}

export function reportOf(purpose: string, done: readonly Done[]): string {
  const lines = done.map(({ tool, told: { text, isRefused } }) => {
    return `${isRefused ? '✕' : '✓'} ${tool}   ${text.replaceAll(/\s+/g, ' ').slice(0, 500)}`
  })
  return [purpose, ...(lines.length > 0 ? lines : ['Nothing could be read.'])].join('\n')
}
