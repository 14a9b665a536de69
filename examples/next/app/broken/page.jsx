import { caller } from "../../lib/caller.js";

export default async function Broken() {
  await caller();
  throw new Error("A fault of the app's own.");
}
