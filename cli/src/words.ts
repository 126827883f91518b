/**
 * Every word of the command line: what is typed, which verb it is, what it says of itself. Text, so
 * that it reads as the help does; `parseWords` makes it values. Modules load when their word is said.
 */
export type Word = Record<'group' | 'name' | 'verb' | 'says', string> &
  Record<'args' | 'options', string[]>

export const modules: Readonly<Record<string, () => Promise<object>>> = {
  things: () => import('./verbs/things.ts'),
  requests: () => import('./verbs/requests.ts'),
  git: () => import('./verbs/git.ts'),
  life: () => import('./verbs/life.ts'),
  found: () => import('./verbs/found.ts'),
  run: () => import('./verbs/run.ts'),
  prove: () => import('./verbs/prove.ts'),
  demo: () => import('./verbs/demo.ts'),
  mcp: () => import('./verbs/mcp.ts'),
  offer: () => import('./verbs/offer.ts'),
  scan: () => import('./verbs/scan.ts'),
  day: () => import('./make/day/day.ts'),
  session: () => import('./verbs/sign-in.ts'),
  new: () => import('./make/new.ts'),
  dev: () => import('./make/dev.ts'),
  setup: () => import('./make/agent/setup.ts'),
  serve: () => import('./make/agent/serve.ts'),
  adopt: () => import('./make/low-code/adopt.ts'),
  graduate: () => import('./make/graduate.ts'),
  ship: () => import('./make/ship/ship.ts'),
  hook: () => import('./make/agent/hook.ts'),
}

/** All that `--help` shows: no word of it needs a security engineer to explain it. */
export const firstWords =
  'login|new|dev|run|ask|status|why|ship|extend|graduate|end|agent setup'.split('|')

const table = `
git-credential <name> <operation> | git.gitCredential | what git asks inside a run
Make
login --root <fingerprint> | session.login | sign in, in a browser
new <purpose> --name <slug> --backup <person> --days <n> --class <classes> --team <team> --bare --day <name>
  --template <name> --data <resource>
  | new.make | an app from a sentence: an owner, a purpose, an end, a folder that runs
dev [command...] --purpose <name> | dev.dev | run the app here: synthetic data, then real, by itself
run [command...] --need <resource:action...> --purpose <name> --via <how>
  | run.run | run a command with what it needs, for as long as it runs
agent setup | setup.setup | configure the coding agents of this folder: our tools, rules, a hook
agent mcp | serve.serve | our tools for a coding agent, on stdio
agent hook | hook.hook | what stops a command with a credential in it
mcp <resource> [command...] --purpose <name> --via <how>
  | mcp.mcp | an MCP server on stdio for an agent's configuration
ask <resource:action> --read --write --because <reason> --columns <names> --role <roles>
  --unattended --until <time> --at-most <amounts>
  | requests.askFor | ask for data: crm.deals:read
status [app] | things.status | how the app is, and what to do next
why [decision] | prove.why | why something was refused; alone, the last time
ship --to <people> --with-all --nobody --reason <reason> --deploy --purpose <name>
  | ship.ship | let others open it, at an address of its own; --deploy: in CI, to run there
extend [app] --days <n> --until <time> | things.extend | move the end date
graduate [app] --check --to <person> --team <team> --backup <person> --name <slug> --days <n>
  --keep <resources> --because <why> --reason <reason>
  | graduate.graduate | have a managed service take over; --check: what it still needs
end [app] --reason <reason> | life.endApp | end it: everything removed, and proven gone
Apps
ls --state <state> --day <name> --template <name> | things.apps | all apps; those of a template: web@<1.3
show <anything> | things.show | R- G- T- L- D- F- U- #n, a name, a commit
transfer <app> --to <person> | things.transfer | offer the app to another owner
transfer accept [app] | things.accept | take an app that was offered to you
pause [app] --reason <reason> | things.pause | stop it from getting anything new
resume [app] | things.resume | let it go on
manifest push [file] | life.pushManifest | send leasehold.yaml: its purposes and needs
drop <grant> | things.drop | give back what was agreed
keep <grant> | things.keep | keep what was not used, or take it up again
Answer
request ls --state <state> --app <app> | things.requests | what waits for an answer
request show <request> | things.show | one request
request withdraw <request> | things.withdraw | take it back
approve <request> --comment <words> | requests.approve | say yes, to exactly what is shown
deny <request> --comment <words> | requests.deny | say no
Access
break-glass <need> --because <reason>
  | requests.breakGlass | one lease beyond policy, at once, for half an hour; others review it
lease ls --app <app> | things.leases | live credentials
lease show <lease> | things.show | one of them
lease release <lease> | things.release | end it now, proven gone
resource ls | things.resources | what can be asked for
who <resource> | offer.who | who may use it now, for which purpose
hold ls | things.holds | stop orders
hold set <scope> [about] --reason <reason> | things.setHold | stop an app, person, identity, day, everything
hold lift <hold> | things.liftHold | let it go on
found ls | things.findings | what needs a person
found [system] | found.found | what is at connected systems and nobody registered
claim <thing> | found.claim | say that it is yours
adopt <thing> --app <name> --purpose <purpose> --backup <person> --days <n> --until <time> --class <classes> --watch <days> --owner <person> --account <name=thing...>
  | adopt.adopt | make it, or what an export of n8n, Make or Zapier uses, an app's, which ends it with itself
residual | things.residual | what is not proven gone, anywhere, and whose turn it is
evidence <app> [item] --file <file> --says <words> --system <name> --until <time>
  | life.evidence | show that what no API lets us look at is gone; never green
found answer <finding> <answer> | things.answerFinding | say what was done about it
Find
enforce [app] | found.enforce | hold an adopted app to policy from now on
watch [app] --days <n> --reason <reason>
  | found.watch | ask that it be watched again, not held to policy; a second person agrees
scan [source...] --out <file> --known <file>
  | scan.scan | what there is: github:ORG, postgres://…, slack, notion, …; needs no server
Days
day plan <file> | day.plan | what its file would make; asks no server
day check <file> | day.check | whether every team can begin: people, names, data, systems
day open <file> | day.open | make what each team begins with; again, to go on
day watch <file> --stuck | day.watch | the wall, who is stuck first
day close <file> | day.close | end it all, proven; refuses while anything is open
day report <file> | day.report | how it stands, with every certificate
Policy
policy check [file] | prove.checkPolicy | run the cases of the rules
policy try <file> | prove.replay | play recorded decisions under other rules
policy push <file> --reason <reason> | requests.pushPolicy | propose other rules; a second person agrees
trust ls [app] | things.trust | who may say that they are the app
trust add <app> --role <role> --preset <preset> --claim <name=value...> --issuer <url> --reason <reason>
  | requests.addTrust | let a CI workflow (github) or a person be the app
Prove
log [about] --kind <kind> --limit <n> --before <entry> | prove.log | what happened
trace <thing> | prove.trace | commit to row: each step, and who proves it
verify [file] --root <fingerprint> | prove.verify | a certificate, offline; or the server's log
Run it
serve --accept-loss | demo.serve | start a server from this clone
connect <kind> --name <slug> --config <file> --file <yaml> --production --shared --until <time>
  | offer.connect | connect a system, as its config file says (- is what is piped in)
connect ls | offer.targets | what is connected
connect rotate <target> | offer.rotate | make our own credential there anew: then nobody has seen it
tools ls <target> | offer.tools | what an MCP server says of its tools now
tools agree <target> | offer.agreeTools | agree to those that are new or have changed
person ls | offer.people | who is here
person roles <person> <roles> | offer.setRoles | all roles they have from now on, or none
demo [story] --honest | demo.demo | start the demo; or tell of thief, liar, leak, drift, leave, ask
doctor | session.doctor | what is wrong, and what to do
whoami | session.whoami | who you are here, and until when
logout | session.logout | forget the sign-in on this computer
`

export function parseWords(): Word[] {
  const words: Word[] = []
  let group = ''
  for (const line of table
    .trim()
    .replaceAll(/\n +(?=\||--)/g, ' ')
    .split('\n')) {
    const [typed = '', verb = '', says = ''] = line.split(' | ')
    if (verb === '') group = line
    const [left = '', ...options] = typed.split(' --')
    const [name = '', ...args] = left.split(/ (?=[<[])/)
    const flags = options.map(option => `--${option}`)
    if (verb !== '') words.push({ group, name, args, options: flags, verb, says })
  }
  return words
}
