/** Mistakes with the client. Each of them does not compile. */
import { type SessionState, createClient } from "@latchkey/client";

// @ts-expect-error: no such option
createClient({ baseUrl: "https://auth.example.org" });
const latchkey = createClient();

// @ts-expect-error: the name of the field is `username`
await latchkey.login({ email: "ada@example.org", password: "correct horse battery" });
// @ts-expect-error: a field is missing
await latchkey.register({ email: "ada@example.org" });
// @ts-expect-error: all fields are missing
await latchkey.updatePwd();
// @ts-expect-error: no such scope
await latchkey.endSessions({ scope: "mine" });
// @ts-expect-error: a number
await latchkey.activity({ limit: "10" });
// @ts-expect-error: no such operation
await latchkey.resetEverything();

const profile = await latchkey.profile();
// @ts-expect-error: there may be a problem instead
profile.data.email;
if (!profile.problem) {
  // @ts-expect-error: no such member
  profile.data.mail;
  // @ts-expect-error: answers are not written to
  profile.data.email = "";
  // @ts-expect-error: a name may be null
  profile.data.name.length;
}
// @ts-expect-error: reading the profile is not refused with this code
if (profile.problem?.code === "email_taken") throw profile.problem;
// @ts-expect-error: only `validation_failed` has them for certain
profile.problem?.errors.length;

export function email({ user }: SessionState): string {
  // @ts-expect-error: there is no user unless somebody is signed in
  return user.email;
}

// @ts-expect-error: the state is the client's to change
latchkey.session.set({ status: "signed_out", user: null });
