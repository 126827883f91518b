/** The conformance kit against the pretend Notion. */
import { notionFixture } from '../../test/support/kit/notion.ts'
import { targetKit } from '../../test/support/kit/suite.ts'

targetKit('notion', notionFixture)
