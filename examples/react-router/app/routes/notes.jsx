import { Form } from "react-router";
import { visit } from "../visit.js";

/** The middleware lets nobody but a signed-in user come here. */
export function loader({ context }) {
  return { email: context.get(visit).caller.user.email };
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
