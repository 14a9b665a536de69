import { Greeting } from "../lib/greeting.jsx";

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>
        <header>
          <Greeting />
        </header>
        {children}
      </body>
    </html>
  );
}
