import { Hono } from "hono";
import { csrf } from "hono/csrf";
import { signedIn } from "./signed-in.mjs";

const app = new Hono();

// Before everything that reads cookies: a browser sends `SameSite` cookies with the forms of sibling
// subdomains, and neither `verify` nor `refresh` knows which page has sent a request.
app.use(csrf());

app.get("/", (c) => c.text("Welcome"));
app.get("/notes", signedIn(), (c) => c.json({ notesOf: c.get("user").id }));
app.post("/notes", signedIn({ maxStaleSeconds: 0 }), (c) => c.json({ savedBy: c.get("user").id }, 201));
app.get("/broken", signedIn(), () => {
  throw new Error("A fault of the app's own.");
});

export default app;
