export function loader() {
  throw new Error("A fault of the app's own.");
}

export default function Broken() {
  return null;
}
