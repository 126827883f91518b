/** All cases of the kit, in the order they are told. */
import type { KitCase } from './kit.ts'
import { lifeCases } from './life-cases.ts'
import { lookCases } from './look-cases.ts'
import { troubleCases } from './trouble-cases.ts'

export const cases: readonly KitCase[] = [...lifeCases, ...lookCases, ...troubleCases]
