/** The API door: all routes of the table, their problems, and the document that describes them. */
import { OpenAPIHono } from '@hono/zod-openapi'
import { type Problem, problemOf } from '../../core/base/problem.ts'
import { product } from '../../core/base/product.ts'
import { manifestSchema } from '../../life/manifest/manifest-schema.ts'
import { addAppRoutes } from './apps.ts'
import { addDecisionRoutes, addPolicyRoutes } from './decisions.ts'
import { addEvidenceRoutes } from './evidence.ts'
import { addFoundRoutes } from './found.ts'
import { addLeaseRoutes, addTaskRoutes } from './leases.ts'
import { addPasskeyRoutes } from './passkeys.ts'
import { answerProblem } from './problem.ts'
import { addEndRoutes, addLogRoutes, addProofRoutes } from './proofs.ts'
import { addFindingRoutes, addHoldRoutes, addRequestRoutes } from './requests.ts'
import { Routes } from './route.ts'
import { addStreamRoutes, type StreamWorld } from './stream.ts'
import { addHealthRoutes, addPeopleRoutes, addSystemRoutes } from './system.ts'
import { addGrantRoutes, addResourceRoutes, addTargetRoutes, addToolRoutes } from './targets.ts'

export type Api = ReturnType<typeof makeApi>

export function makeApi(world: StreamWorld) {
  const app = new OpenAPIHono()
  const routes = new Routes(app, world)
  for (const add of doors) add(routes, world)
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
  })
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: `${product.name} API`, version: product.version },
    servers: [{ url: world.issuer }],
  })
  app.get('/schemas/leasehold.schema.json', context => context.json(manifestSchema))
  app.notFound(context => answerProblem(context, noRoute(context.req.path), world.log))
  app.onError((thrown, context) => answerProblem(context, thrown, world.log))
  return { fetch: (request: Request) => app.fetch(request), routes }
}

// `/v1/log/checkpoint` and its like come before `/v1/log/:position`: the first that fits answers.
// biome-ignore format: a list of names
const doors = [
  addHealthRoutes, addSystemRoutes, addPeopleRoutes, addAppRoutes, addRequestRoutes, addTargetRoutes,
  addResourceRoutes, addGrantRoutes, addTaskRoutes, addLeaseRoutes, addDecisionRoutes,
  addToolRoutes, addPolicyRoutes, addEndRoutes, addEvidenceRoutes, addProofRoutes, addLogRoutes, addHoldRoutes, addFindingRoutes,
  addFoundRoutes, addPasskeyRoutes, addStreamRoutes,
]

function noRoute(path: string): Problem {
  return problemOf('nothing-at-path', { path: path.slice(0, 80) })
}
