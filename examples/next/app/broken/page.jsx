import { cookies } from "next/headers";

/** The trap: a server component that refreshes by itself. It cannot set the new cookies, and the page is an error. */
export default async function Broken() {
  (await cookies()).set("access_token", "new");
  return <p>Never shown.</p>;
}
