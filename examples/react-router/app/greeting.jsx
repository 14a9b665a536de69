export function Greeting({ status, user }) {
  if (status === "unavailable") return "We cannot look you up right now.";
  return user ? `Hello, ${user.email}.` : "You are not logged in.";
}
