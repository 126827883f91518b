/** The conformance kit against the pretend system nobody foresaw. */
import { declaredFixture } from '../../test/support/kit/declared.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('declared', declaredFixture)
