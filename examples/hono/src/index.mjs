import { bindings, latchkey, readCaller } from "@latchkey/client/hono";
import { Hono } from "hono";
import { html } from "hono/html";

const app = new Hono();

// Before everything that reads cookies. It also refuses forms of other origins, sibling subdomains among them.
app.use(latchkey({ protect: ({ pathname }) => pathname.startsWith("/notes") }));

app.get("/", (c) => c.html(page(c, "Welcome")));
app.get("/notes", async (c) => {
  const { user } = c.get("caller");
  if (!c.req.header("Accept")?.includes("text/html")) return c.json({ notesOf: user.id });
  // What is passed on to another service has the new tokens.
  const { user: known } = await readCaller(bindings(c.env), c.req.header("Cookie"));
  return c.html(page(c, `Notes of ${known.email}`));
});
app.post("/notes", (c) => c.json({ savedBy: c.get("caller").user.id }, 201));
app.get("/moved", (c) => c.redirect("/", 303));
app.get("/broken", () => {
  throw new Error("A fault of the app's own.");
});

/** Every page says who is logged in. */
function page(c, title) {
  return html`<!doctype html><title>${title}</title><header>${greeting(c.get("caller"))}</header><h1>${title}</h1>\n`;
}

function greeting({ status, user }) {
  if (status === "unavailable") return "We cannot look you up right now.";
  return user ? `Hello, ${user.email}.` : "You are not logged in.";
}

export default app;
