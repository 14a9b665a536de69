import { bindings, readCaller } from "@latchkey/client/react-router";
import { env } from "cloudflare:workers";
import { Form } from "react-router";
import { visit } from "../visit.js";

/** The middleware lets nobody but a signed-in user come here. */
export async function loader({ context }) {
  // What is passed on to another service: the request itself has the old tokens.
  const { user } = await readCaller(bindings(env), context.get(visit).cookie);
  return { email: user.email };
}

/** What changes something has asked the database: the middleware does so for every method but `GET`. */
export function action({ context }) {
  return { savedBy: context.get(visit).caller.user.id };
}

export default function Notes({ loaderData }) {
  return (
    <>
      <h1>{`Notes of ${loaderData.email}`}</h1>
      <Form method="post">
        <input name="text" />
        <button type="submit">Save</button>
      </Form>
    </>
  );
}
