import { keySet } from "@latchkey/client/key-set";
import { latchkey } from "@latchkey/client/hono";
import { Hono } from "hono";

const app = new Hono().use(latchkey({ protect: ({ pathname }) => pathname === "/notes" }));
app.get("/", (c) => {
  const { status, user } = c.get("caller");
  if (status === "signed_in") return c.text(user.email);
  // @ts-expect-error: nobody is signed in.
  return c.text(user.email);
});

const authority = keySet({ issuer: "https://auth.example.org", audience: "latchkey" });
new Hono().use(latchkey({ authority })).get("/", (c) => {
  const { user } = c.get("caller");
  // @ts-expect-error: a token does not have the address.
  return c.text(user ? user.email : "");
});

// @ts-expect-error: an unknown option.
latchkey({ protected: () => true });
