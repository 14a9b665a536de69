import { redirect } from "next/navigation";
import { caller } from "../../lib/caller.js";

export default async function Moved() {
  await caller();
  redirect("/");
}
