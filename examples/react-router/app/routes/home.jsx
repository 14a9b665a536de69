import { Greeting } from "../greeting.jsx";
import { visit } from "../visit.js";

export function loader({ context }) {
  const { status, user } = context.get(visit).caller;
  return { status, user };
}

export default function Home({ loaderData }) {
  return (
    <>
      <h1>Welcome</h1>
      <p>
        <Greeting {...loaderData} />
      </p>
    </>
  );
}
