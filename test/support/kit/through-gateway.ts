/** Reasons of systems where a lease makes nothing: its task asks through our gateway, with our credential. */
const nothing = 'a lease makes nothing there: it has no credential of its own'
const whole = 'what ends there is a whole resource, once: said in the tests of the connector'
const rights = 'nothing there holds rights for us; each request is judged by our gateway'
const late = 'nothing is made there that could come late'
const unlisted = 'none of our names reaches it'

export const throughGateway: Readonly<Record<string, string>> = {
  'a lease does what was agreed and nothing else': rights,
  'narrowing a grant narrows what is open under it': rights,
  'a rights holder is removed, twice if asked, and looked for': rights,
  'without its grant nothing is issued': rights,
  'an issued credential was accepted, and dies by itself when it says so': nothing,
  'issuing twice makes one principal, and its credential works': nothing,
  '32 leases are issued and ended at once under one grant, without an error': nothing,
  'renewing moves the end of the same credential': nothing,
  'a held credential is cut off and refused, a released one works again': nothing,
  'a secret that its holder changed is noticed, is not renewed, and ends': nothing,
  'ending twice is ending once, and what never was ends as well': nothing,
  'an end cuts what is open': 'our gateway cuts it: test/journeys/web.test.ts',
  'one that others dropped ends, with the session they left open': nothing,
  'what stays behind is named until others take it away': nothing,
  'the target refuses a creation after its deadline': late,
  'a command that arrives after recovery looked makes nothing': late,
  'a look waits for a creation that is under way': late,
  'what was made and never confirmed is not called gone while it can live': late,
  'a live credential is still there, by its list and by itself': nothing,
  'a refusal proves nothing where the credential was never accepted': whole,
  'everything of ours is listed by name, page by page, until it is gone': unlisted,
  'who is seen at the target leads back to the lease':
    'there all leases are one caller: who did what stands in our records alone',
  'a name that is not of our form is refused by every verb': unlisted,
  'a target that answers nothing is given up in time, and looks say unknown':
    'the end of a lease asks it nothing; of a whole resource, said in the tests of the connector',
  'whatever the step at which making breaks off, nothing that lives is called gone': late,
  'whatever the step at which ending breaks off, ending again ends it':
    'the end of a lease asks it nothing',
  'a failure after it was made is no lease, and what was made is not called gone': nothing,
  'a failure after it was ended is no proof, and the next look is': whole,
  'what says that it ended and stays is still there': whole,
  'what ends 30 seconds late, on either path, is still there until it is gone': whole,
  'an admin credential that expired issues nothing, and proves no end': whole,
  'an admin credential that lost a right issues nothing, and says which':
    'what our credential may do it is told at each request, and our gateway passes it on',
}

/** Nobody signs in: where a case tries, the reason above is missing. */
export async function nobodySignsIn(): Promise<never> {
  throw new Error(nothing)
}
