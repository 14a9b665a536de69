/** What is hashed, and the settings of each algorithm. */

export const PASSWORD = "correct horse battery staple";
export const SALT = new TextEncoder().encode("a salt, 16 bytes");
/** The defaults of ARGON2_MEMORY_KIB and ARGON2_ITERATIONS: OWASP's least for Argon2id. */
export const ARGON2 = { memoryKib: 19_456, iterations: 2 };
/** Better Auth's. */
export const SCRYPT = { N: 16_384, r: 16, p: 1 };
/** OWASP's least. */
export const BCRYPT_COST = 10;
/** With SHA-256: the most that Workers allow, and OWASP's least. */
export const PBKDF2_ITERATIONS = { most: 100_000, wanted: 600_000 };
