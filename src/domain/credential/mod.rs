//! What users prove their identity with: passwords, and their stored hashes.

pub mod breach;
pub mod common_passwords;
pub mod hashing;
pub mod mailed_login;
pub mod one_time;
pub mod password;
