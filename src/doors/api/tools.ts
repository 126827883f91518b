/** The tools of an MCP server as it says them now, and agreeing to those that changed. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/base/problem.ts'
import type { TargetRow } from '../../core/grant/rows.ts'
import { lookAtTools } from '../../life/tools/look.ts'
import { agreeToTools, hashTools, isAgreed, seeTools } from '../../life/tools/pin.ts'
import type { Routes } from './route.ts'
import { targetNamed } from './targets.ts'
import { listOf, ToolView } from './views.ts'
import type { ApiWorld } from './world.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const AgreeTools = z.strictObject({
  tools: z.record(z.string().max(128), hash).refine(tools => Object.keys(tools).length > 0, {
    error: 'names at least one',
  }),
})

export function addToolRoutes(routes: Routes, world: ApiWorld): void {
  const look = async ({ id, slug }: TargetRow) => {
    const upstream = await world.targets.call(id, 'issue', async target => target.upstream)
    if (upstream?.speaks !== 'mcp')
      throw new Problem('wrong-state', { detail: `\`${slug}\` has no tools: it is no MCP server.` })
    const { tools } = await lookAtTools(upstream)
    await seeTools(world, id, hashTools([...tools.values()]))
    await world.settle()
    const items = [...tools.values()].map(tool => ({
      name: tool.name,
      title: textOf(tool['title']),
      description: textOf(tool['description']),
      says: tool,
      hash: hashTools([tool])[tool.name] ?? '',
      isAgreed: isAgreed(world.replica, id, tool),
    }))
    return { items }
  }
  routes.add('person GET /v1/targets/:target/tools', listOf(ToolView), async call => {
    const target = await targetNamed(world, call.param('target'))
    await call.ask('target.connect', 'target', target.id, { production: target.production })
    return look(target)
  })
  routes.add('person POST /v1/targets/:target/tools', listOf(ToolView), AgreeTools, async call => {
    const target = await targetNamed(world, call.param('target'))
    const { id: targetId, production } = target
    const permit = await call.ask('target.connect', 'target', targetId, { production })
    await agreeToTools(world, permit, { targetId, ...call.input })
    await world.settle()
    return look(target)
  })
}

function textOf(said: unknown): string | null {
  return typeof said === 'string' ? said.slice(0, 4_000) : null
}
