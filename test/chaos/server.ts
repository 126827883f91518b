/** The server as its own process, to be killed: says on standard output when it is ready. */
import { readConfig } from '../../src/config.ts'
import { startServer } from '../../src/main.ts'

const running = await startServer(readConfig(process.env), { firstPerson: 'Sam Okafor' })
const link = await running.signInLink()
process.stdout.write(
  `${JSON.stringify({ issuer: running.issuer, address: running.address, link })}\n`,
)
// Whoever started us is gone: so are we.
process.stdin.on('end', () => process.exit(0)).resume()
