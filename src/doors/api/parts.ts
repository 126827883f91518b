/** The parts inputs and views are made of. */
import { z } from '@hono/zod-openapi'
import { dataActions } from '../../core/base/permit.ts'

export const instant = z.string()
export const id = z.string()
export const slug = z.string().max(80)
export const words = z.string().min(1).max(500)
export const action = z.enum(dataActions)
export const dataClass = z.enum(['public', 'internal', 'customer', 'hr', 'secret'])
export const role = z.enum(['build', 'test', 'publish', 'run', 'agent'])
