/** The conformance kit against the pretend Azure. */
import { azureFixture } from '../../test/support/kit/azure.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('azure', azureFixture)
