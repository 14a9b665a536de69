import { type Admitted, bindings, latchkey } from "@latchkey/client/react-router";
import { type MiddlewareFunction, createContext, type LoaderFunctionArgs } from "react-router";

declare const env: Parameters<typeof bindings>[0];

const visit = createContext<Admitted>();
export const middleware: MiddlewareFunction<Response>[] = [latchkey({ visit, authority: bindings(env) })];

export function loader({ context }: LoaderFunctionArgs) {
  const { caller, cookie } = context.get(visit);
  // @ts-expect-error: nobody may be signed in.
  caller.user.email;
  return { email: caller.user?.email, cookie };
}

// @ts-expect-error: there is no `env` to take the bindings from.
latchkey({ visit });
