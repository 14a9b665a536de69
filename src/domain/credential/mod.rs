//! What a person proves their identity with: passwords, and the hashes that are stored of them.

pub mod breach;
pub mod common_passwords;
pub mod hashing;
pub mod password;
