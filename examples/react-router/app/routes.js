import { index, route } from "@react-router/dev/routes";

export default [
  index("routes/home.jsx"),
  route("notes", "routes/notes.jsx"),
  route("moved", "routes/moved.js"),
  route("broken", "routes/broken.jsx"),
];
