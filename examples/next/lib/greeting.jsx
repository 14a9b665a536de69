import { caller } from "./caller.js";

export async function Greeting() {
  const { status, user } = await caller();
  if (status === "unavailable") return "We cannot look you up right now.";
  return user ? `Hello, ${user.email}.` : "You are not logged in.";
}
