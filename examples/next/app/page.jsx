import { Greeting } from "../lib/greeting.jsx";

export default function Home() {
  return (
    <>
      <h1>Welcome</h1>
      <p>
        <Greeting />
      </p>
    </>
  );
}
