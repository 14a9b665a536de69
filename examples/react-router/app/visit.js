import { createContext } from "react-router";

/** Who sent the request, and the cookies that it has from now on. */
export const visit = createContext();
