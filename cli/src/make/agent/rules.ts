/** The rules of the house, as an agent is told them: the same wherever they are said. */
export const rules = `Rules of this house

1. No credential in a file, a command or a message: not pasted, not asked for, not made up. There is none to have.
2. Data comes by \`leasehold dev\` (the app) or \`leasehold run --need crm.deals:read -- <command>\` (one command). The program reads
   process.env.DATABASE_URL; it opens one door on this machine and dies with the command.
3. Until a person agrees there is synthetic data. Ask once, go on with it, and say that it is synthetic.
4. A refusal is final for now: \`leasehold why\` names the rule and what is allowed instead. Other ways are refused and logged too.
5. Saying yes, ending an app and changing rules is for people. Tell the user what to type.
`
