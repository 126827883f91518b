/** AWS through the conformance kit. */
import { awsFixture } from '../../test/support/kit/aws.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('aws', awsFixture)
