import { bindings, latchkey } from "@latchkey/client/react-router";
import { env } from "cloudflare:workers";
import { Links, Meta, Outlet, Scripts } from "react-router";
import { Greeting } from "./greeting.jsx";
import { visit } from "./visit.js";

export const middleware = [
  latchkey({ visit, authority: bindings(env), protect: ({ pathname }) => pathname.startsWith("/notes") }),
];

/** Runs beside the loader of the page: neither may refresh. */
export function loader({ context }) {
  const { status, user } = context.get(visit).caller;
  return { status, user };
}

export default function App({ loaderData }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <Meta />
        <Links />
      </head>
      <body>
        <header>
          <Greeting {...loaderData} />
        </header>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
