export function load() {
  throw new Error("A fault of the app's own.");
}
