/** The systems that are known. `main.ts` takes them from here and adds what it was started with. */
import type { Connector } from '../src/core/target/target.ts'
import { awsConnector } from './aws/aws.ts'
import { azureConnector } from './azure/azure.ts'
import { declaredConnector } from './declared/declared.ts'
import { gcpConnector } from './gcp/gcp.ts'
import { githubConnector } from './github/github.ts'
import { mysqlConnector } from './mysql/mysql.ts'
import { notionConnector } from './notion/notion.ts'
import { postgresConnector } from './postgres/postgres.ts'
import { redisConnector } from './redis/redis.ts'
import type { Federation } from './rest/federation.ts'
import { slackConnector } from './slack/slack.ts'
import { snowflakeConnector } from './snowflake/snowflake.ts'
import { httpConnector, mcpConnector } from './web/web.ts'

/** `federation`: our issuer for systems that trust it in place of a stored key, where there is one. */
export function connectorsOf(federation?: Federation): readonly Connector[] {
  return [
    postgresConnector,
    mysqlConnector,
    redisConnector,
    githubConnector,
    slackConnector,
    notionConnector,
    snowflakeConnector,
    awsConnector(federation),
    gcpConnector(federation),
    azureConnector(federation),
    mcpConnector,
    httpConnector,
    declaredConnector,
  ]
}
