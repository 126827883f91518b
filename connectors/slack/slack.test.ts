/** The conformance kit against the pretend Slack, held to Slack's description where that is at hand. */
import { slackFixture } from '../../test/support/kit/slack.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('slack', slackFixture)
