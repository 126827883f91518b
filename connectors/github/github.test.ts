/** The conformance kit against the pretend GitHub, held to GitHub's own description of its API. */
import { githubFixture } from '../../test/support/kit/github.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('github', githubFixture)
