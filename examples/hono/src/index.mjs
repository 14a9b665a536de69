import { Hono } from "hono";
import { signedIn } from "./signed-in.mjs";

const app = new Hono();

app.get("/", (c) => c.text("Welcome"));
app.get("/notes", signedIn(), (c) => c.json({ notesOf: c.get("user").id }));
app.post("/notes", signedIn({ maxStaleSeconds: 0 }), (c) => c.json({ savedBy: c.get("user").id }, 201));
app.get("/broken", signedIn(), () => {
  throw new Error("A fault of the app's own.");
});

export default app;
