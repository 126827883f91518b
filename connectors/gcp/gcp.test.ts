/** The conformance kit against the pretend Google Cloud. */
import { gcpFixture } from '../../test/support/kit/gcp.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('gcp', gcpFixture)
